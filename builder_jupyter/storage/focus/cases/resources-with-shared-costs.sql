-- title: Resources with shared costs
-- question: Which resources have their cost split, and into how many parts?
-- family: allocation
-- columns: ResourceId, AllocatedResourceId, EffectiveCost
-- source: FOCUS use case library
SELECT ResourceId, count(DISTINCT AllocatedResourceId) AS Parts, sum(EffectiveCost) AS EffectiveCost
FROM charges
WHERE AllocatedResourceId IS NOT NULL
GROUP BY ResourceId
ORDER BY EffectiveCost DESC, ResourceId
