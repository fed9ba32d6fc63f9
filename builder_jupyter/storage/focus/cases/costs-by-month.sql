-- title: Costs by month
-- question: What did each month cost, as used and as billed?
-- family: spend
-- columns: ChargePeriodStart, EffectiveCost, BilledCost, ListCost
-- source: our own
SELECT date_trunc('month', ChargePeriodStart) AS Month, sum(EffectiveCost) AS EffectiveCost,
    sum(BilledCost) AS BilledCost, sum(ListCost) AS ListCost
FROM charges
GROUP BY ALL
ORDER BY Month
