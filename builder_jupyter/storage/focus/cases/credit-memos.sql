-- title: Credit memos
-- question: What was given back or granted?
-- family: invoices
-- columns: ChargeCategory, ChargeDescription, BillingPeriodStart, BilledCost, EffectiveCost
-- source: FOCUS use case library
SELECT BillingPeriodStart, ChargeCategory, ChargeClass, ChargeDescription, sum(BilledCost) AS BilledCost,
    sum(EffectiveCost) AS EffectiveCost
FROM invoiced
WHERE ChargeCategory IN ('Credit', 'Adjustment') OR BilledCost < 0
GROUP BY ALL
ORDER BY BillingPeriodStart, BilledCost, ChargeDescription
