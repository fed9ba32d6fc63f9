-- tail: what the journal says of money after a position, in order; what older versions wrote is not of the ledger
SELECT position, subject, seq, at_ms, kind, body FROM events
WHERE position > ? AND kind IN ('credits_held', 'credits_spent', 'credits_released', 'credits_posted')
  AND contains(body, '"workspace"')
ORDER BY position LIMIT ?

-- last_position: up to where the ledger has been made
SELECT coalesce(max(position), 0) FROM ledger

-- lots: what is left of each lot. A lot is made by one entry and drawn by others; refunds put credits back into it
SELECT workspace, lot_position, lot_id, max(rate), sum(credits) AS remaining FROM ledger
WHERE lot_id IS NOT NULL
GROUP BY workspace, lot_position, lot_id
HAVING remaining > 0
ORDER BY lot_position

-- purses: by workspace what can be spent, what is held, what was used since a time, when something moved last
SELECT workspace,
       coalesce(sum(amount) FILTER (target = 'available'), 0) - coalesce(sum(amount) FILTER (source = 'available'), 0),
       coalesce(sum(amount) FILTER (target = 'held'), 0) - coalesce(sum(amount) FILTER (source = 'held'), 0),
       coalesce(sum(amount) FILTER (kind = 'usage' AND posted_at >= ?), 0),
       max(posted_at),
       sum(credits)
FROM ledger GROUP BY workspace

-- own: the last number among each workspace's own entries, and its budget as it was set last
SELECT subject, max(seq), arg_max(body, position) FILTER (kind = 'credits_budget') FROM events
WHERE kind IN ('credits_posted', 'credits_budget') GROUP BY subject

-- page: entries of a workspace that were posted in a window, after a place in the posting order
SELECT * FROM ledger
WHERE workspace = $workspace AND posted_at >= $start AND posted_at < $end AND kind NOT IN ('hold', 'release')
  AND (position > $position OR (position = $position AND part > $part))
ORDER BY position, part LIMIT $limit

-- usages: usage of an execution, or one entry of it, and how much of each has been given back
SELECT l.*, coalesce(r.back, 0) FROM ledger l
LEFT JOIN (SELECT undoes, sum(amount) AS back FROM ledger WHERE kind = 'refund' GROUP BY undoes) r
       ON r.undoes = l.entry_id
WHERE l.workspace = $workspace AND l.kind = 'usage' AND (l.execution_id = $id OR l.entry_id = $id)
ORDER BY l.position, l.part

-- purchase: a purchase, and what is left of its lot
SELECT l.*, (SELECT sum(credits) FROM ledger WHERE lot_id = l.entry_id) FROM ledger l
WHERE l.workspace = $workspace AND l.kind = 'purchase' AND l.entry_id = $id

-- receipt: whether a receipt has been posted
SELECT 1 FROM ledger WHERE receipt = ? LIMIT 1

-- transactions: what a workspace's owner reads, newest first: each entry from outside; of each execution one deduction,
-- and one refund of what was given back. What a completed execution did not use was never deducted.
WITH runs AS (
    SELECT execution_id, min(position) AS begun, min(posted_at) AS begun_at,
           coalesce(sum(amount) FILTER (kind = 'hold'), 0)
               - coalesce(sum(amount) FILTER (outcome = 'completed'), 0) AS charged,
           coalesce(sum(amount) FILTER (outcome <> 'completed' OR kind = 'refund'), 0) AS refunded,
           max(position) FILTER (kind IN ('release', 'refund')) AS ended,
           max(posted_at) FILTER (kind IN ('release', 'refund')) AS ended_at,
           any_value(workflow_id) AS workflow_id, any_value(trigger_type) AS trigger_type
    FROM ledger WHERE workspace = $workspace AND execution_id IS NOT NULL GROUP BY execution_id
),
movements AS (
    SELECT position, entry_id AS id, posted_at AS moved_at, kind, credits AS amount, NULL AS execution_id,
           NULL AS workflow_id, NULL AS trigger_type, credits * rate AS usd, note, undoes
    FROM ledger WHERE workspace = $workspace AND execution_id IS NULL AND kind NOT IN ('hold', 'release')
    UNION ALL
    SELECT begun, execution_id || '/deduction', begun_at, 'deduction', -charged, execution_id, workflow_id, trigger_type,
           NULL, NULL, NULL
    FROM runs WHERE charged > 0
    UNION ALL
    SELECT ended, execution_id || '/refund', ended_at, 'refund', refunded, execution_id, workflow_id, trigger_type,
           NULL, NULL, NULL
    FROM runs WHERE refunded > 0
)
SELECT id, moved_at, kind, amount, sum(amount) OVER (ORDER BY position, id), execution_id, workflow_id, trigger_type, usd,
       note, undoes
FROM movements ORDER BY position DESC, id DESC LIMIT $limit

-- actions: what these executions did, by kind of action
SELECT execution_id, node_type, count(DISTINCT position), sum(amount) FROM ledger
WHERE workspace = $workspace AND kind = 'usage' AND execution_id IN (SELECT unnest($executions))
GROUP BY execution_id, node_type ORDER BY execution_id, node_type
