-- By which the charges of a workflow can be told apart: its tags, a JSON object.
ALTER TABLE ledger ADD COLUMN tags VARCHAR;
