-- title: Costs by type of resource
-- question: Which kinds of resources cost how much?
-- family: spend
-- columns: ServiceProviderName, ResourceType, EffectiveCost, BilledCost
-- source: our own
SELECT ServiceProviderName, ResourceType, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceProviderName, ResourceType
