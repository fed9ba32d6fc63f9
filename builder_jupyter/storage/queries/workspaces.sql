-- workspaces: every workspace, deleted ones included, oldest first
SELECT workspace, name, owner, created_at, deleted_at FROM workspaces ORDER BY created_at, workspace

-- remove: a workspace's row, before a new one
DELETE FROM workspaces WHERE workspace = ?

-- insert: a workspace
INSERT INTO workspaces VALUES (?, ?, ?, ?, ?)

-- workflows: how many workflows a workspace has
SELECT count(*) FROM workflows WHERE workspace = ?

-- empty_members: nobody is a member any more
DELETE FROM workspace_members WHERE workspace = ?

-- empty_invites: nobody is invited any more
UPDATE workspace_invites SET state = 'revoked' WHERE workspace = ? AND state = 'pending'

-- empty_connections: the credentials of a workspace go
UPDATE provider_connections SET status = 'revoked', payload = '' WHERE workspace = ?

-- empty_keys: the keys of a workspace open nothing from now on
UPDATE api_keys SET revoked_at = ? WHERE workspace = ? AND revoked_at IS NULL

-- members: every member of every workspace, in the order in which they came
SELECT workspace, name, role, added_by, added_at FROM workspace_members ORDER BY added_at, name

-- remove_member: somebody is no member any more
DELETE FROM workspace_members WHERE workspace = ? AND name = ?

-- insert_member: somebody is a member
INSERT INTO workspace_members VALUES (?, ?, ?, ?, ?)

-- seats: what everybody's last token let them do
SELECT workspace, name, role, scopes, sees_all FROM token_seats

-- remove_seat: what a token let somebody do
DELETE FROM token_seats WHERE workspace = ? AND name = ?

-- insert_seat: what a token lets somebody do
INSERT INTO token_seats VALUES (?, ?, ?, ?, ?, ?)

-- invites: every invite, oldest first
SELECT invite_id, workspace, email, role, state, invited_by, created_at, expires_at
FROM workspace_invites ORDER BY created_at, invite_id

-- insert_invite: a new invite
INSERT INTO workspace_invites VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- decide_invite: how an invite ended
UPDATE workspace_invites SET state = ? WHERE invite_id = ?
