-- servers: every published server, oldest first
SELECT server_id, workspace, slug, title, door, tools, owner, created_at, updated_at
FROM published_servers ORDER BY created_at, server_id

-- keys: every key of theirs, oldest first
SELECT key_id, server_id, name, prefix, sha256, created_by, created_at, revoked_at
FROM published_server_keys ORDER BY created_at, key_id

-- insert: a new server
INSERT INTO published_servers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- remove: a server
DELETE FROM published_servers WHERE server_id = ?

-- remove_keys: all keys of a server
DELETE FROM published_server_keys WHERE server_id = ?

-- insert_key: a new key
INSERT INTO published_server_keys VALUES (?, ?, ?, ?, ?, ?, ?, NULL)

-- revoke_key: a key opens nothing from now on
UPDATE published_server_keys SET revoked_at = ? WHERE key_id = ?
