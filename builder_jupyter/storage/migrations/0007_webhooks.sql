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
