-- title: Dearest runs
-- question: Which runs used most credits?
-- family: credits
-- columns: x_ExecutionId, ResourceName, x_CreditDelta, EffectiveCost
-- source: our own, on the columns of a credit ledger
-- parameter: limit = 20, how many at most
SELECT x_ExecutionId, any_value(ResourceName) AS ResourceName, min(x_PostedAt) AS PostedAt, -sum(x_CreditDelta) AS Credits, sum(EffectiveCost) AS EffectiveCost,
    count(DISTINCT x_ExecutionId) AS Runs
FROM charges
WHERE ChargeCategory = 'Usage' AND x_CreditDelta IS NOT NULL
GROUP BY x_ExecutionId
ORDER BY Credits DESC, x_ExecutionId
LIMIT $limit
