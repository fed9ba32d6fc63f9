-- Which version of a workflow its triggers run. The row stays when that is withdrawn (version NULL): from the first
-- publication on, the marks of deployment are ours and not what a client sends.
CREATE TABLE publications (workflow_id VARCHAR, version INTEGER, changed_at TIMESTAMP, changed_by VARCHAR);

-- Ids of workflows that are gone, so that none is given again.
CREATE TABLE deleted_workflows (workflow_id VARCHAR, deleted_at TIMESTAMP);
