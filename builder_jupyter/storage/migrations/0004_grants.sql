-- What was granted on a workflow to others than its owner: subject `user:x` or `team:y`, permission `view`, `edit`
-- or `deploy`.
CREATE TABLE builder_grants (workflow_id VARCHAR, subject VARCHAR, permission VARCHAR);
