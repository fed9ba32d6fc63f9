-- title: Refunded runs
-- question: Which runs gave credits back, and what did they keep?
-- family: credits
-- columns: x_ExecutionId, x_RefundOf, x_CreditDelta
-- source: our own, on the columns of a credit ledger
SELECT x_ExecutionId, any_value(ResourceName) AS ResourceName, -sum(x_CreditDelta) FILTER (x_CreditDelta < 0) AS Charged,
    sum(x_CreditDelta) FILTER (x_RefundOf IS NOT NULL) AS Refunded, -sum(x_CreditDelta) AS Kept
FROM charges
WHERE ChargeCategory = 'Usage' AND x_ExecutionId IS NOT NULL
GROUP BY x_ExecutionId
HAVING count(x_RefundOf) > 0
ORDER BY Refunded DESC, x_ExecutionId
