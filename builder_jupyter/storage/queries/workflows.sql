-- is_used: whether an id is or was a workflow's
SELECT 1 FROM workflows WHERE workflow_id = $id UNION ALL SELECT 1 FROM deleted_workflows WHERE workflow_id = $id

-- insert_head: a new workflow
INSERT INTO workflows VALUES (?, ?, ?, 1, ?, ?)

-- insert_version: an immutable saved state
INSERT INTO workflow_versions VALUES (?, ?, ?, ?, ?, ?, ?)

-- advance: the head moves to the version after the current one
UPDATE workflows SET current_version = ?, updated_at = ? WHERE workflow_id = ?

-- get: head and current version
SELECT w.workflow_id, w.workspace, w.owner, w.current_version, w.created_at, v.created_at, v.content, v.created_by,
       v.message, p.workflow_id IS NOT NULL, p.version, p.changed_at
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.current_version
     LEFT JOIN publications p ON p.workflow_id = w.workflow_id
WHERE w.workflow_id = ?

-- get_version: head and one version
SELECT w.workflow_id, w.workspace, w.owner, v.version, w.created_at, v.created_at, v.content, v.created_by, v.message,
       p.workflow_id IS NOT NULL, p.version, p.changed_at
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = ?
     LEFT JOIN publications p ON p.workflow_id = w.workflow_id
WHERE w.workflow_id = ?

-- versions: what was saved, newest first, without content
SELECT version, created_at, created_by, message FROM workflow_versions WHERE workflow_id = ? ORDER BY version DESC

-- withdraw: forget which version is published
DELETE FROM publications WHERE workflow_id = ?

-- publish: which version is published from now on; NULL for none
INSERT INTO publications VALUES (?, ?, ?, ?)

-- bury: remember the id of a workflow that is gone
INSERT INTO deleted_workflows VALUES (?, ?)

-- list: what a workspace has, newest change first; owner (who sees what these subjects were granted, too), tag, name
-- and whether a version is published narrow it when given
SELECT w.workflow_id, w.workspace, w.owner, w.current_version, w.created_at, v.created_at, v.content, v.created_by,
       v.message, p.workflow_id IS NOT NULL, p.version, p.changed_at
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.current_version
     LEFT JOIN publications p ON p.workflow_id = w.workflow_id
WHERE w.workspace = $workspace
  AND ($owner IS NULL OR w.owner = $owner
       OR w.workflow_id IN (SELECT g.workflow_id FROM builder_grants g WHERE list_contains($subjects, g.subject)))
  AND ($name IS NULL OR v.name = $name)
  AND ($tag IS NULL OR list_contains(try_cast(json_extract(v.content, '$.metadata.tags') AS VARCHAR[]), $tag))
  AND ($published IS NULL OR $published = (p.version IS NOT NULL))
ORDER BY w.updated_at DESC, w.workflow_id
LIMIT $limit OFFSET $offset

-- delete_versions: every saved state of a workflow
DELETE FROM workflow_versions WHERE workflow_id = ?

-- delete_head: the workflow itself
DELETE FROM workflows WHERE workflow_id = ?

-- delete_webhooks: its triggers' endpoints
DELETE FROM webhooks WHERE canvas_id = ?

-- delete_grants: what was granted on it
DELETE FROM builder_grants WHERE workflow_id = ?
