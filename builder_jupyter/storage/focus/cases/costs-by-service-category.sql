-- title: Costs by service category
-- question: Which broad kinds of services cost how much?
-- family: spend
-- columns: ServiceCategory, EffectiveCost, BilledCost
-- source: FOCUS use case library
SELECT ServiceCategory, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceCategory
