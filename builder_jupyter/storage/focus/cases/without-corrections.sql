-- title: Costs without corrections
-- question: What did the periods cost as first billed?
-- family: invoices
-- columns: ChargeClass, BillingPeriodStart, BilledCost, EffectiveCost
-- source: our own
SELECT BillingPeriodStart, sum(BilledCost) AS BilledCost, sum(EffectiveCost) AS EffectiveCost
FROM invoiced
WHERE ChargeClass IS DISTINCT FROM 'Correction'
GROUP BY ALL
ORDER BY BillingPeriodStart
