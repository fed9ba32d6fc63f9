-- title: Credits by step
-- question: Which steps of which workflows use the credits?
-- family: credits
-- columns: ResourceId, x_StepId, ServiceName, x_CreditDelta, EffectiveCost
-- source: our own, on the columns of a credit ledger
SELECT ResourceId, x_StepId, any_value(ServiceName) AS ServiceName, -sum(x_CreditDelta) AS Credits, sum(EffectiveCost) AS EffectiveCost,
    count(DISTINCT x_ExecutionId) AS Runs
FROM charges
WHERE ChargeCategory = 'Usage' AND x_CreditDelta IS NOT NULL
GROUP BY ResourceId, x_StepId
ORDER BY Credits DESC, ResourceId, x_StepId
