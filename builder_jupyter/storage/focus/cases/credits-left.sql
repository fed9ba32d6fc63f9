-- title: Credits left
-- question: How many credits are left, and for how many days?
-- family: credits
-- columns: x_PostedAt, x_CreditDelta, x_CreditBalanceAfter
-- source: our own, on the columns of a credit ledger
-- parameter: days = 7, over how many days the pace is taken
-- The pace is that of the last days that have anything, so that a dataset of the past answers as of its own end.
WITH newest AS (
    SELECT * FROM focus WHERE x_PostedAt = (SELECT max(x_PostedAt) FROM focus)
), ends AS (
    -- Of entries in one second the last is the one whose balance no other begins with.
    SELECT Balance FROM (
        SELECT x_CreditBalanceAfter AS Balance, 1 AS Step FROM newest
        UNION ALL SELECT x_CreditBalanceAfter - x_CreditDelta, -1 FROM newest
    ) GROUP BY Balance HAVING sum(Step) > 0
), balance AS (
    SELECT max(x_PostedAt) AS LastPosted,
        coalesce((SELECT max(Balance) FROM ends), max_by(x_CreditBalanceAfter, x_LedgerEntryId)) AS Balance
    FROM newest
), used AS (
    SELECT -sum(x_CreditDelta)::DOUBLE / $days AS PerDay
    FROM focus, balance
    WHERE ChargeCategory = 'Usage' AND x_PostedAt > LastPosted - to_days($days::INTEGER)
)
SELECT LastPosted, Balance, greatest(0, coalesce(PerDay, 0)) AS PerDay,
    CASE WHEN PerDay > 0 THEN Balance::DOUBLE / PerDay END AS DaysLeft
FROM balance, used
