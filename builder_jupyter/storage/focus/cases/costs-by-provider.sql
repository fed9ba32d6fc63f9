-- title: Costs by provider
-- question: What did each vendor cost?
-- family: spend
-- columns: ServiceProviderName, EffectiveCost, BilledCost
-- source: our own
SELECT ServiceProviderName, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceProviderName
