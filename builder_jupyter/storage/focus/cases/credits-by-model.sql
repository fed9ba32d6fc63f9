-- title: Credits by model
-- question: Which models use the credits?
-- family: credits
-- columns: x_ModelProvider, x_ModelName, x_CreditDelta, EffectiveCost
-- source: our own, on the columns of a credit ledger
SELECT x_ModelProvider, x_ModelName, -sum(x_CreditDelta) AS Credits, sum(EffectiveCost) AS EffectiveCost,
    count(DISTINCT x_ExecutionId) AS Runs
FROM charges
WHERE ChargeCategory = 'Usage' AND x_CreditDelta IS NOT NULL
GROUP BY x_ModelProvider, x_ModelName
ORDER BY Credits DESC, x_ModelProvider, x_ModelName
