-- title: Costs by category and subcategory
-- question: Which narrower kinds of services cost how much?
-- family: spend
-- columns: ServiceCategory, ServiceSubcategory, EffectiveCost, BilledCost
-- source: FOCUS use case library
SELECT ServiceCategory, ServiceSubcategory, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceCategory, ServiceSubcategory
