-- title: Dearest SKUs
-- question: Which entries of the price list cost most?
-- family: spend
-- columns: ServiceName, SkuId, SkuMeter, EffectiveCost, PricingQuantity, PricingUnit
-- source: FOCUS use case library
-- parameter: limit = 20, how many at most
SELECT ServiceName, SkuId, any_value(SkuMeter) AS SkuMeter, sum(EffectiveCost) AS EffectiveCost,
    sum(PricingQuantity) AS PricingQuantity, PricingUnit
FROM charges
WHERE SkuId IS NOT NULL
GROUP BY ServiceName, SkuId, PricingUnit
ORDER BY EffectiveCost DESC, SkuId
LIMIT $limit
