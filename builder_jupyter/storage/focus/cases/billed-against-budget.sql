-- title: Billed cost against a budget
-- question: Is what each sub account is billed within its budget for the month?
-- family: forecast
-- columns: SubAccountId, SubAccountName, BillingPeriodStart, BilledCost
-- source: FOCUS use case library
-- parameter: budget = 1000, what a sub account may cost in a month, in BillingCurrency
SELECT BillingPeriodStart AS Month, SubAccountId, any_value(SubAccountName) AS SubAccountName,
    sum(BilledCost) AS BilledCost, $budget::DOUBLE AS Budget, (sum(BilledCost) / $budget)::DOUBLE AS Used
FROM invoiced
GROUP BY Month, SubAccountId
ORDER BY Month, BilledCost DESC, SubAccountId
