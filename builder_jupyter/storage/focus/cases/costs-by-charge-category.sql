-- title: Costs by kind of charge
-- question: How much is usage, how much purchases, taxes, credits?
-- family: spend
-- columns: ChargeCategory, ChargeClass, EffectiveCost, BilledCost
-- source: our own
SELECT ChargeCategory, ChargeClass, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ChargeCategory, ChargeClass
