-- read: entries of one subject after a seq, in order
SELECT subject, seq, at_ms, kind, body FROM events
WHERE position BETWEEN ? AND ? AND subject = ? AND seq > ?
ORDER BY seq

-- span: between which positions the entries of a finished execution lie
SELECT first_position, last_position FROM executions WHERE execution_id = ? LIMIT 1

-- plans: where each stored plan is
SELECT subject, min(position) FROM events WHERE kind = 'plan' GROUP BY subject

-- plan_bodies: stored plans
SELECT subject, min(body) FROM events WHERE kind = 'plan' AND subject IN (SELECT unnest(?::VARCHAR[])) GROUP BY subject

-- unsettled: entries of executions that the projections lack, oldest execution first
WITH missing AS (
    SELECT subject, min(position) AS begins FROM events
    WHERE kind = 'admitted' AND NOT EXISTS (SELECT 1 FROM executions WHERE execution_id = subject)
    GROUP BY subject
)
SELECT e.subject, e.position, e.seq, e.at_ms, e.kind, e.body FROM events e JOIN missing USING (subject)
ORDER BY begins, seq

-- last_position: where the journal ends
SELECT coalesce(max(position), 0) FROM events

-- unfinished: executions without a terminal status, oldest first
SELECT subject FROM events
WHERE kind IN ('admitted', 'status')
GROUP BY subject
HAVING NOT bool_or(kind = 'status' AND json_extract_string(body, '$.status') IN ('completed', 'error', 'cancelled'))
   AND bool_or(kind = 'admitted')
ORDER BY min(position)

-- executions: newest finished executions of a workspace that are nobody's children; what is given narrows them, and
-- the text (small letters) is looked for in the workflow's name, the id and the error
SELECT execution_id, workflow_id, workflow_version, workflow_name, trigger_type, status, created_at, started_at,
       finished_at, credits, error
FROM executions
WHERE workspace = $workspace AND parent IS NULL
  AND ($workflow_id IS NULL OR workflow_id = $workflow_id)
  AND ($starter IS NULL OR principal = $starter)
  AND ($status IS NULL OR status = $status)
  AND contains(lower(concat_ws(' ', workflow_name, execution_id, error)), $text)
ORDER BY created_at DESC, execution_id
LIMIT $limit

-- requests: admissions since a time that a request with a key led to, oldest first
SELECT subject, at_ms, json_extract_string(body, '$.workspace'), json_extract_string(body, '$.trigger'),
       json_extract_string(body, '$.request[0]'), json_extract_string(body, '$.request[1]')
FROM events
WHERE kind = 'admitted' AND at_ms >= ? AND json_extract(body, '$.request') IS NOT NULL
ORDER BY position

-- waiting: the execution that has a waitpoint
SELECT subject FROM events
WHERE kind = 'step_waiting' AND json_extract_string(body, '$.waitpoint_id') = ?
LIMIT 1
