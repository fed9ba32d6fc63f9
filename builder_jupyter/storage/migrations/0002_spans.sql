-- Where the entries of a finished execution lie in the journal, so that reading them is no search. NULL: not known.
ALTER TABLE executions ADD COLUMN first_position BIGINT;
ALTER TABLE executions ADD COLUMN last_position BIGINT;
