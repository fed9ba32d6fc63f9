-- Workspaces beside `default`, which needs no row until it is renamed. A deleted one stays: its id is never good again.
-- An empty owner is nobody in particular.
CREATE TABLE workspaces (
    workspace VARCHAR, name VARCHAR, owner VARCHAR, created_at TIMESTAMP, deleted_at TIMESTAMP
);
-- Whom a workspace has let in, as `admin`, `editor` or `viewer`; its owner is no member.
CREATE TABLE workspace_members (
    workspace VARCHAR, name VARCHAR, role VARCHAR, added_by VARCHAR, added_at TIMESTAMP
);
-- Offers of a role to an e-mail address; state `pending`, `accepted` or `revoked`.
CREATE TABLE workspace_invites (
    invite_id VARCHAR, workspace VARCHAR, email VARCHAR, role VARCHAR, state VARCHAR, invited_by VARCHAR,
    created_at TIMESTAMP, expires_at TIMESTAMP
);
-- What the last token of somebody let them do in the workspace it names: keys that they made may do no more.
CREATE TABLE token_seats (
    workspace VARCHAR, name VARCHAR, role VARCHAR, scopes VARCHAR[], sees_all BOOLEAN, seen_at TIMESTAMP
);
-- How the maker of a key had signed in: `jupyter`, `local` or `jwt`; NULL for keys of older versions.
ALTER TABLE api_keys ADD COLUMN maker VARCHAR;

-- Credentials of model providers, encrypted. `masked` is what may be shown of them, JSON by field.
CREATE TABLE provider_connections (
    connection_id VARCHAR, workspace VARCHAR, provider VARCHAR, display_name VARCHAR, mode VARCHAR, status VARCHAR,
    payload VARCHAR, masked VARCHAR, created_by VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP
);
-- Whose credential a workspace uses for a provider: `auto`, `byo-only` or `built-in-only`.
CREATE TABLE provider_routing (workspace VARCHAR, provider VARCHAR, mode VARCHAR);
