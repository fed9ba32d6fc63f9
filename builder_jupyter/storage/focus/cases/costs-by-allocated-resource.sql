-- title: Costs by allocated resource
-- question: Which resources were given parts of shared costs?
-- family: allocation
-- columns: AllocatedResourceId, AllocatedResourceName, AllocatedMethodId, EffectiveCost
-- source: FOCUS use case library
SELECT AllocatedResourceId, any_value(AllocatedResourceName) AS AllocatedResourceName, AllocatedMethodId,
    sum(EffectiveCost) AS EffectiveCost
FROM charges
WHERE AllocatedResourceId IS NOT NULL
GROUP BY AllocatedResourceId, AllocatedMethodId
ORDER BY EffectiveCost DESC, AllocatedResourceId
