-- title: Costs by region
-- question: Where does the money go?
-- family: spend
-- columns: ServiceProviderName, RegionId, RegionName, EffectiveCost, BilledCost
-- source: FOCUS use case library
SELECT ServiceProviderName, RegionId, RegionName, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceProviderName, RegionId, RegionName
