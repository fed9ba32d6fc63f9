-- title: Corrections by sub account
-- question: Whose closed periods were corrected?
-- family: invoices
-- columns: ChargeClass, SubAccountId, BillingPeriodStart, BilledCost, EffectiveCost
-- source: FOCUS use case library
SELECT BillingPeriodStart, SubAccountId, any_value(SubAccountName) AS SubAccountName,
    sum(BilledCost) AS BilledCost, sum(EffectiveCost) AS EffectiveCost, count(*) AS Charges
FROM invoiced
WHERE ChargeClass IS NOT DISTINCT FROM 'Correction'
GROUP BY BillingPeriodStart, SubAccountId
ORDER BY BillingPeriodStart, SubAccountId
