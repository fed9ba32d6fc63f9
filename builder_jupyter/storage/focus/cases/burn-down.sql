-- title: Burn-down of credits
-- question: How did the balance change from day to day?
-- family: credits
-- columns: x_PostedAt, x_CreditDelta, x_CreditBalanceAfter
-- source: our own, on the columns of a credit ledger
SELECT x_PostedAt::DATE AS Day, coalesce(sum(x_CreditDelta) FILTER (x_CreditDelta > 0 AND ChargeCategory <> 'Usage'), 0) AS Added,
    -coalesce(sum(x_CreditDelta) FILTER (ChargeCategory = 'Usage'), 0) AS Used,
    arg_max(x_CreditBalanceAfter, (x_PostedAt, x_LedgerEntryId)) AS Balance
FROM focus
WHERE x_PostedAt IS NOT NULL AND ($start::TIMESTAMP IS NULL OR x_PostedAt >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR x_PostedAt < $end::TIMESTAMP)
GROUP BY Day
ORDER BY Day
