-- title: Burn-down of credits
-- question: How did the balance change from day to day?
-- family: credits
-- columns: x_PostedAt, x_CreditDelta, x_CreditBalanceAfter
-- source: our own, on the columns of a credit ledger
WITH entries AS (
    SELECT * FROM focus
    WHERE x_PostedAt IS NOT NULL AND ($start::TIMESTAMP IS NULL OR x_PostedAt >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR x_PostedAt < $end::TIMESTAMP)
), begins AS (
    -- Times are to the second: the first entry is the one whose balance before it no other leaves behind.
    SELECT Balance FROM (
        SELECT x_CreditBalanceAfter AS Balance, 1 AS Step FROM entries
        UNION ALL SELECT x_CreditBalanceAfter - x_CreditDelta, -1 FROM entries
    ) GROUP BY Balance HAVING sum(Step) < 0
), opening AS (
    SELECT coalesce((SELECT min(Balance) FROM begins),
        (SELECT arg_min(x_CreditBalanceAfter - x_CreditDelta, (x_PostedAt, x_LedgerEntryId)) FROM entries)) AS Opening
), daily AS (
    SELECT x_PostedAt::DATE AS Day,
        coalesce(sum(x_CreditDelta) FILTER (x_CreditDelta > 0 AND ChargeCategory <> 'Usage'), 0) AS Added,
        -coalesce(sum(x_CreditDelta) FILTER (ChargeCategory = 'Usage'), 0) AS Used,
        sum(x_CreditDelta) AS Delta
    FROM entries
    GROUP BY Day
)
SELECT Day, Added, Used, Opening + sum(Delta) OVER (ORDER BY Day) AS Balance
FROM daily, opening
ORDER BY Day
