-- title: Cost per consumed unit
-- question: What does one unit of what is used really cost?
-- family: unit economics
-- columns: ServiceName, ConsumedUnit, ConsumedQuantity, EffectiveCost
-- source: FOCUS use case library
SELECT ServiceName, ConsumedUnit, sum(ConsumedQuantity) AS ConsumedQuantity, sum(EffectiveCost) AS EffectiveCost,
    sum(EffectiveCost)::DOUBLE / nullif(sum(ConsumedQuantity), 0)::DOUBLE AS CostPerUnit
FROM charges
WHERE ChargeCategory = 'Usage' AND ConsumedQuantity IS NOT NULL
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceName, ConsumedUnit
