-- title: Effective savings rate by service
-- question: Where are the savings made?
-- family: savings
-- columns: ServiceName, ListCost, EffectiveCost
-- source: FOCUS use case library
SELECT ServiceProviderName, ServiceName, sum(ListCost) AS ListCost, sum(EffectiveCost) AS EffectiveCost,
    1 - sum(EffectiveCost)::DOUBLE / nullif(sum(ListCost), 0)::DOUBLE AS SavingsRate
FROM charges
WHERE ChargeCategory = 'Usage'
GROUP BY ALL
ORDER BY sum(ListCost) - sum(EffectiveCost) DESC, ServiceName
