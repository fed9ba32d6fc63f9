-- title: Credits by workflow
-- question: Which workflows use the credits?
-- family: credits
-- columns: ResourceId, ResourceName, x_CreditDelta, EffectiveCost
-- source: our own, on the columns of a credit ledger
SELECT ResourceId, arg_max(ResourceName, x_PostedAt) AS ResourceName, -sum(x_CreditDelta) AS Credits, sum(EffectiveCost) AS EffectiveCost,
    count(DISTINCT x_ExecutionId) AS Runs
FROM charges
WHERE ChargeCategory = 'Usage' AND x_CreditDelta IS NOT NULL
GROUP BY ResourceId
ORDER BY Credits DESC, ResourceId
