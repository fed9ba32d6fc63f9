-- title: Credits by trigger
-- question: What starts the runs that cost?
-- family: credits
-- columns: x_TriggerType, x_CreditDelta, EffectiveCost
-- source: our own, on the columns of a credit ledger
SELECT x_TriggerType, -sum(x_CreditDelta) AS Credits, sum(EffectiveCost) AS EffectiveCost,
    count(DISTINCT x_ExecutionId) AS Runs
FROM charges
WHERE ChargeCategory = 'Usage' AND x_CreditDelta IS NOT NULL
GROUP BY x_TriggerType
ORDER BY Credits DESC, x_TriggerType
