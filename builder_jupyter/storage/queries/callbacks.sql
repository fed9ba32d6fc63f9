-- attempts: the attempts to deliver an execution's outcome, in order
SELECT execution_id, delivery_id, attempt, state, started_at, ms, status, error, retry_at
FROM callback_attempts WHERE execution_id = ? ORDER BY attempt

-- undelivered: executions that asked for a callback, of which no attempt was the last
SELECT subject FROM events
WHERE kind = 'admitted' AND contains(body, '"callback_url"') AND json_extract_string(body, '$.callback_url') IS NOT NULL
  AND subject NOT IN (SELECT execution_id FROM callback_attempts WHERE state <> 'pending')
ORDER BY position
