-- title: Cash against accrual
-- question: How far is what is billed from what was used?
-- family: invoices
-- columns: BillingPeriodStart, BilledCost, EffectiveCost
-- source: FOCUS use case library
WITH periods AS (
    SELECT BillingPeriodStart, sum(BilledCost) AS Cash, sum(EffectiveCost) AS Accrual
    FROM invoiced
    GROUP BY BillingPeriodStart
)
SELECT *, sum(Cash - Accrual) OVER (ORDER BY BillingPeriodStart) AS PaidAhead
FROM periods
ORDER BY BillingPeriodStart
