-- title: Purchases of virtual currency
-- question: How much virtual currency was bought, and for how much?
-- family: virtual currency
-- columns: ChargeCategory, PricingUnit, PricingQuantity, BilledCost
-- source: FOCUS use case library
-- parameter: unit = "Credits", the PricingUnit of the purchases
SELECT date_trunc('month', ChargePeriodStart) AS Month, PricingUnit, sum(PricingQuantity) AS PricingQuantity,
    sum(BilledCost) AS BilledCost, (sum(BilledCost) / nullif(sum(PricingQuantity), 0))::DOUBLE AS PaidPerUnit
FROM charges
WHERE ChargeCategory = 'Purchase' AND PricingUnit = $unit
GROUP BY ALL
ORDER BY Month
