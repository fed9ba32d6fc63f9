-- insert: a new asset
INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- get: one asset of a workspace
SELECT asset_id, workspace, canvas_id, file_name, mime_type, size, sha256, width, height, duration_seconds, created_at,
    created_by
FROM assets WHERE asset_id = ? AND workspace = ?

-- list: the assets of a workspace or of one of its canvases, newest first
SELECT asset_id, workspace, canvas_id, file_name, mime_type, size, sha256, width, height, duration_seconds, created_at,
    created_by
FROM assets
WHERE workspace = $workspace AND ($canvas_id IS NULL OR canvas_id = $canvas_id)
ORDER BY created_at DESC, asset_id
LIMIT $limit OFFSET $offset

-- delete: one asset of a workspace
DELETE FROM assets WHERE asset_id = ? AND workspace = ?

-- holders: the workspaces that have an asset with this content
SELECT DISTINCT workspace FROM assets WHERE sha256 = ?
