-- What a database looks like after all migrations, for people who query it. Nothing runs this; a test compares.
-- Times are UTC: milliseconds since 1970 in BIGINT columns named …_at or at_ms, TIMESTAMP elsewhere.

-- The journal: everything that happened to executions, and the plans they follow. Append only; no key, no index:
-- both cost writes and hardly help reads, since rows arrive in the order in which they are read.
CREATE TABLE events (
    position BIGINT,
    subject  VARCHAR,
    seq      BIGINT,
    at_ms    BIGINT,
    kind     VARCHAR,
    body     VARCHAR
);

-- Projections of finished executions for SQL users. Appended in the background, never updated, rebuilt when behind.
CREATE TABLE executions (
    execution_id VARCHAR, workflow_id VARCHAR, workflow_version INTEGER, workflow_name VARCHAR, workspace VARCHAR,
    principal VARCHAR, trigger_type VARCHAR, status VARCHAR, created_at BIGINT, started_at BIGINT, finished_at BIGINT,
    credits DECIMAL(18, 4), error VARCHAR,
    first_position BIGINT, last_position BIGINT, -- where its entries lie in the journal
    parent VARCHAR -- the execution of which it is a child
);
CREATE TABLE steps (
    execution_id VARCHAR, step VARCHAR, visit INTEGER, node_type VARCHAR, status VARCHAR, attempt INTEGER,
    started_at BIGINT, finished_at BIGINT, credits DECIMAL(18, 4), model VARCHAR, input_tokens BIGINT,
    output_tokens BIGINT, skip_reason VARCHAR, error VARCHAR
);

-- What happened to the credits of each workspace, made from the journal in its order (docs/credits.md). Append only.
CREATE TABLE ledger (
    position BIGINT, part INTEGER, -- where in the journal it comes from: the posting order
    entry_id VARCHAR, posted_at BIGINT,
    kind VARCHAR, -- grant, purchase, purchase_refund, adjustment, usage, refund; hold and release are promises
    workspace VARCHAR, billing_account VARCHAR,
    source VARCHAR, target VARCHAR, amount DECIMAL(18, 4), -- from which account to which
    credits DECIMAL(18, 4), balance_after DECIMAL(18, 4), -- the posted balance: its change, and what it is then
    execution_id VARCHAR, workflow_id VARCHAR, workflow_version INTEGER, workflow_name VARCHAR, trigger_type VARCHAR,
    step VARCHAR, visit INTEGER, node_type VARCHAR, price DECIMAL(18, 4), price_version VARCHAR, model VARCHAR,
    input_tokens BIGINT, output_tokens BIGINT, quantity DECIMAL(18, 4), unit VARCHAR,
    lot_id VARCHAR, lot_position BIGINT, rate DECIMAL(28, 10), -- USD per credit that was paid
    undoes VARCHAR, outcome VARCHAR, receipt VARCHAR, pack VARCHAR, note VARCHAR, created_by VARCHAR,
    tags VARCHAR -- of the workflow, a JSON object
);

CREATE TABLE workflows (
    workflow_id VARCHAR, workspace VARCHAR, owner VARCHAR, current_version INTEGER,
    created_at TIMESTAMP, updated_at TIMESTAMP
);
-- Every saved state, immutable. `content` is the workflow in its own wire shape.
CREATE TABLE workflow_versions (
    workflow_id VARCHAR, version INTEGER, name VARCHAR, content VARCHAR, created_at TIMESTAMP, created_by VARCHAR,
    message VARCHAR
);

-- Which version of a workflow its triggers run; NULL when it was withdrawn.
CREATE TABLE publications (workflow_id VARCHAR, version INTEGER, changed_at TIMESTAMP, changed_by VARCHAR);

-- Ids of workflows that are gone, so that none is given again.
CREATE TABLE deleted_workflows (workflow_id VARCHAR, deleted_at TIMESTAMP);

-- API keys: the hash of the key, never the key.
CREATE TABLE api_keys (
    key_id VARCHAR, workspace VARCHAR, name VARCHAR, prefix VARCHAR, sha256 VARCHAR, scopes VARCHAR[],
    created_by VARCHAR, created_at TIMESTAMP, last_used_at TIMESTAMP, expires_at TIMESTAMP, revoked_at TIMESTAMP,
    maker VARCHAR -- how that person had signed in: `jupyter`, `local` or `jwt`; NULL for keys of older versions
);

-- Endpoints of webhook triggers. The secret's hash finds one; the secret itself lies there encrypted (storage/cipher.py),
-- since whoever may edit the canvas may read it again. Runs act in the name of who registered it.
CREATE TABLE webhooks (
    canvas_id VARCHAR, node_id VARCHAR, workspace VARCHAR, created_by VARCHAR, is_admin BOOLEAN, teams VARCHAR[],
    sha256 VARCHAR, secret VARCHAR, require_signature BOOLEAN, created_at TIMESTAMP,
    last_triggered_at BIGINT, last_execution_id VARCHAR
);
-- With what the outcomes of runs are signed that no webhook began; encrypted.
CREATE TABLE callback_secrets (workspace VARCHAR, secret VARCHAR, created_at TIMESTAMP);
-- Each attempt to send an execution's outcome. `state`: pending (another attempt is due at `retry_at`), delivered, failed.
CREATE TABLE callback_attempts (
    execution_id VARCHAR, delivery_id VARCHAR, attempt INTEGER, state VARCHAR, started_at BIGINT, ms BIGINT,
    status INTEGER, error VARCHAR, retry_at BIGINT
);

-- What was granted on a workflow to others than its owner: subject `user:x` or `team:y`, permission `view`, `edit`
-- or `deploy`.
CREATE TABLE builder_grants (workflow_id VARCHAR, subject VARCHAR, permission VARCHAR);

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

-- Credentials of model providers, encrypted. `masked` is what may be shown of them, JSON by field.
CREATE TABLE provider_connections (
    connection_id VARCHAR, workspace VARCHAR, provider VARCHAR, display_name VARCHAR, mode VARCHAR, status VARCHAR,
    payload VARCHAR, masked VARCHAR, created_by VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP
);
-- Whose credential a workspace uses for a provider: `auto`, `byo-only` or `built-in-only`.
CREATE TABLE provider_routing (workspace VARCHAR, provider VARCHAR, mode VARCHAR);

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

-- Files that people uploaded or steps made. The content lies beside the database, named by its hash.
CREATE TABLE assets (
    asset_id VARCHAR, workspace VARCHAR, canvas_id VARCHAR, file_name VARCHAR, mime_type VARCHAR, size BIGINT,
    sha256 VARCHAR, width INTEGER, height INTEGER, duration_seconds DOUBLE, created_at TIMESTAMP, created_by VARCHAR
);

-- Which migrations the file has seen.
CREATE TABLE schema_migrations (number INTEGER, applied_at TIMESTAMP);
