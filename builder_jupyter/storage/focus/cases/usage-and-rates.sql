-- title: Historical usage and rates
-- question: How much of each SKU was priced in each month, and at what rate?
-- family: forecast
-- columns: ChargePeriodStart, ServiceName, SkuId, PricingQuantity, PricingUnit, EffectiveCost
-- source: FOCUS use case library
SELECT date_trunc('month', ChargePeriodStart) AS Month, ServiceName, SkuId, PricingUnit,
    sum(PricingQuantity) AS PricingQuantity, sum(EffectiveCost) AS EffectiveCost,
    (sum(EffectiveCost) / nullif(sum(PricingQuantity), 0))::DOUBLE AS Rate
FROM charges
WHERE ChargeCategory = 'Usage'
GROUP BY ALL
ORDER BY Month, EffectiveCost DESC, SkuId
