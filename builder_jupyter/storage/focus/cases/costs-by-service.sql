-- title: Costs by service
-- question: What did each service cost?
-- family: spend
-- columns: ServiceProviderName, ServiceName, EffectiveCost, BilledCost
-- source: FOCUS use case library
SELECT ServiceProviderName, ServiceName, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceProviderName, ServiceName
