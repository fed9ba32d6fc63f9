-- by_secret: the endpoint that a secret opens
SELECT canvas_id, node_id, workspace, created_by, is_admin, teams, sha256, secret, require_signature, created_at,
       last_triggered_at, last_execution_id
FROM webhooks WHERE sha256 = ?

-- by_node: the endpoint of a trigger
SELECT canvas_id, node_id, workspace, created_by, is_admin, teams, sha256, secret, require_signature, created_at,
       last_triggered_at, last_execution_id
FROM webhooks WHERE canvas_id = ? AND node_id = ?

-- list: the endpoints of a workspace, or of one of its canvases
SELECT canvas_id, node_id, workspace, created_by, is_admin, teams, sha256, secret, require_signature, created_at,
       last_triggered_at, last_execution_id
FROM webhooks WHERE workspace = $workspace AND ($canvas_id IS NULL OR canvas_id = $canvas_id)
ORDER BY created_at, canvas_id, node_id

-- insert: a new endpoint
INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- delete: its secret opens nothing any more
DELETE FROM webhooks WHERE canvas_id = ? AND node_id = ?

-- triggered: when it last began a run, and which
UPDATE webhooks SET last_triggered_at = ?, last_execution_id = ? WHERE canvas_id = ? AND node_id = ?

-- callback_secret: with what a workspace's callbacks are signed
SELECT secret FROM callback_secrets WHERE workspace = ?

-- forget_callback_secret: make room for another
DELETE FROM callback_secrets WHERE workspace = ?

-- insert_callback_secret: with what they are signed from now on
INSERT INTO callback_secrets VALUES (?, ?, ?)
