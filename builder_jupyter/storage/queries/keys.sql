-- insert: a new key
INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, ?)

-- all: every key, oldest first
SELECT key_id, workspace, name, prefix, sha256, scopes, created_by, created_at, last_used_at, expires_at, revoked_at, maker
FROM api_keys ORDER BY created_at, key_id

-- revoke: a key opens nothing from now on
UPDATE api_keys SET revoked_at = ? WHERE key_id = ?

-- used: when a key was last used
UPDATE api_keys SET last_used_at = ? WHERE key_id = ?
