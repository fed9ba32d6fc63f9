-- title: Corrections of closed periods
-- question: What was corrected after its billing period was over?
-- family: invoices
-- columns: ChargeClass, BillingPeriodStart, ChargePeriodStart, BilledCost, EffectiveCost
-- source: FOCUS use case library
SELECT BillingPeriodStart, date_trunc('month', ChargePeriodStart) AS CorrectedMonth, ChargeCategory, ServiceName,
    sum(BilledCost) AS BilledCost, sum(EffectiveCost) AS EffectiveCost, count(*) AS Charges
FROM invoiced
WHERE ChargeClass IS NOT DISTINCT FROM 'Correction'
GROUP BY ALL
ORDER BY BillingPeriodStart, CorrectedMonth, ChargeCategory, ServiceName
