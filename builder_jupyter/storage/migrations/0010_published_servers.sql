-- MCP servers that people publish: workflows as tools (`tools` is a JSON list) at an address of their own.
CREATE TABLE published_servers (
    server_id VARCHAR, workspace VARCHAR, slug VARCHAR, title VARCHAR, door VARCHAR, tools VARCHAR, owner VARCHAR,
    created_at TIMESTAMP, updated_at TIMESTAMP
);

-- The keys that open one of them: the hash of the key, never the key.
CREATE TABLE published_server_keys (
    key_id VARCHAR, server_id VARCHAR, name VARCHAR, prefix VARCHAR, sha256 VARCHAR, created_by VARCHAR,
    created_at TIMESTAMP, revoked_at TIMESTAMP
);
