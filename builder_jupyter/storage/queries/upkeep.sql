-- tables: what the database holds
SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal AND NOT temporary
ORDER BY table_name

-- attach: a new, empty file
ATTACH ? AS snapshot

-- copy: everything, as one transaction sees it
COPY FROM DATABASE builder TO snapshot

-- detach: the file is complete
DETACH snapshot

-- position: where the journal ends
SELECT coalesce(max(position), 0) FROM events

-- finished: executions that ended before a time and are in the projections, but for the children of one that goes on
WITH admitted AS (
    SELECT subject, json_extract_string(body, '$.parent[0]') AS parent FROM events WHERE kind = 'admitted'
),
going_on AS (SELECT subject FROM admitted WHERE subject NOT IN (SELECT execution_id FROM executions))
SELECT execution_id FROM executions
WHERE finished_at < ?
  AND execution_id NOT IN (SELECT subject FROM admitted WHERE parent IN (SELECT subject FROM going_on))

-- count_events: entries of these executions, but for those about money
SELECT count(*) FROM events WHERE subject IN (SELECT unnest(?)) AND NOT starts_with(kind, 'credits_')

-- old_plans: plans that were stored before a time
SELECT DISTINCT subject FROM events WHERE kind = 'plan' AND starts_with(subject, 'pl_') AND at_ms < ?

-- plans_named: plans that entries after a position name, leaving out these executions
SELECT DISTINCT unnest(regexp_extract_all(body, 'pl_\w+')) FROM events
WHERE kind <> 'plan' AND contains(body, 'pl_') AND position > ? AND subject NOT IN (SELECT unnest(?))

-- hashes_named: content hashes that entries after a position name, leaving out these executions and plans
SELECT DISTINCT unnest(regexp_extract_all(body, '[0-9a-f]{32,}')) FROM events
WHERE position > ? AND subject NOT IN (SELECT unnest(?))

-- hashes_of: content hashes that entries of these executions and plans name
SELECT DISTINCT unnest(regexp_extract_all(body, '[0-9a-f]{32,}')) FROM events WHERE subject IN (SELECT unnest(?))

-- delete_events: the journal of these executions and plans, but for what is about money
DELETE FROM events WHERE subject IN (SELECT unnest(?)) AND NOT starts_with(kind, 'credits_')

-- delete_executions: their projections
DELETE FROM executions WHERE execution_id IN (SELECT unnest(?))

-- delete_callbacks: and how their outcomes were sent
DELETE FROM callback_attempts WHERE execution_id IN (SELECT unnest(?))

-- delete_steps: and those of their steps
DELETE FROM steps WHERE execution_id IN (SELECT unnest(?))
