-- The execution of which another is a child: lists leave children out.
ALTER TABLE executions ADD COLUMN parent VARCHAR;
