-- What happened to the credits of each workspace: a projection of the journal, made in its order. Append only.
CREATE TABLE ledger (
    position BIGINT, part INTEGER, entry_id VARCHAR, posted_at BIGINT, kind VARCHAR, workspace VARCHAR,
    billing_account VARCHAR, source VARCHAR, target VARCHAR, amount DECIMAL(18, 4), credits DECIMAL(18, 4),
    balance_after DECIMAL(18, 4), execution_id VARCHAR, workflow_id VARCHAR, workflow_version INTEGER,
    workflow_name VARCHAR, trigger_type VARCHAR, step VARCHAR, visit INTEGER, node_type VARCHAR, price DECIMAL(18, 4),
    price_version VARCHAR, model VARCHAR, input_tokens BIGINT, output_tokens BIGINT, quantity DECIMAL(18, 4),
    unit VARCHAR, lot_id VARCHAR, lot_position BIGINT, rate DECIMAL(28, 10), undoes VARCHAR, outcome VARCHAR,
    receipt VARCHAR, pack VARCHAR, note VARCHAR, created_by VARCHAR
);
