-- title: Dearest resources
-- question: Which resources cost most?
-- family: spend
-- columns: ResourceId, ResourceName, ResourceType, ServiceName, EffectiveCost
-- source: our own
-- parameter: limit = 20, how many at most
SELECT ResourceId, any_value(ResourceName) AS ResourceName, any_value(ResourceType) AS ResourceType,
    any_value(ServiceName) AS ServiceName, sum(EffectiveCost) AS EffectiveCost
FROM charges
WHERE ResourceId IS NOT NULL
GROUP BY ResourceId
ORDER BY EffectiveCost DESC, ResourceId
LIMIT $limit
