-- title: Average rates
-- question: What is the average rate of each component, at list and as paid?
-- family: unit economics
-- columns: SkuId, SkuPriceId, PricingUnit, PricingQuantity, ListCost, EffectiveCost
-- source: FOCUS use case library
SELECT SkuId, SkuPriceId, PricingUnit, sum(PricingQuantity) AS PricingQuantity,
    sum(ListCost)::DOUBLE / nullif(sum(PricingQuantity), 0)::DOUBLE AS ListRate,
    sum(EffectiveCost)::DOUBLE / nullif(sum(PricingQuantity), 0)::DOUBLE AS EffectiveRate
FROM charges
WHERE ChargeCategory = 'Usage' AND PricingQuantity IS NOT NULL
GROUP BY ALL
ORDER BY SkuId, SkuPriceId, PricingUnit
