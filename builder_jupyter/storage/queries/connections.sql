-- all: every connection that is kept, oldest first
SELECT connection_id, workspace, provider, display_name, mode, status, payload, masked, created_by, created_at,
    updated_at
FROM provider_connections ORDER BY created_at, connection_id

-- remove: a connection's row, before a new one
DELETE FROM provider_connections WHERE connection_id = ?

-- insert: a connection
INSERT INTO provider_connections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- routing: how every workspace routes
SELECT workspace, provider, mode FROM provider_routing

-- remove_routing: how a workspace routes to a provider
DELETE FROM provider_routing WHERE workspace = ? AND provider = ?

-- insert_routing: how a workspace routes to a provider from now on
INSERT INTO provider_routing VALUES (?, ?, ?)
