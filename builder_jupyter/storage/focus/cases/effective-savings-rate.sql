-- title: Effective savings rate
-- question: How much less than the public price is paid in all?
-- family: savings
-- columns: ChargePeriodStart, ListCost, EffectiveCost
-- source: FOCUS use case library
SELECT date_trunc('month', ChargePeriodStart) AS Month, sum(ListCost) AS ListCost, sum(EffectiveCost) AS EffectiveCost,
    1 - sum(EffectiveCost)::DOUBLE / nullif(sum(ListCost), 0)::DOUBLE AS SavingsRate
FROM charges
WHERE ChargeCategory = 'Usage'
GROUP BY ALL
ORDER BY Month
