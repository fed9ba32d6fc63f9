-- title: Components of a resource
-- question: What is the cost of one resource made of?
-- family: spend
-- columns: ResourceId, ServiceName, SkuId, ChargeDescription, EffectiveCost, ConsumedQuantity, ConsumedUnit
-- source: FOCUS use case library
-- parameter: resource = null, the ResourceId; without it nothing is found
SELECT ServiceName, SkuId, ChargeDescription, sum(EffectiveCost) AS EffectiveCost,
    sum(ConsumedQuantity) AS ConsumedQuantity, ConsumedUnit
FROM charges
WHERE ResourceId = $resource
GROUP BY ALL
ORDER BY EffectiveCost DESC, SkuId, ChargeDescription
