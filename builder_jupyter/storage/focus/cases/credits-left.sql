-- title: Credits left
-- question: How many credits are left, and for how many days?
-- family: credits
-- columns: x_PostedAt, x_CreditDelta, x_CreditBalanceAfter
-- source: our own, on the columns of a credit ledger
-- parameter: days = 7, over how many days the pace is taken
-- The pace is that of the last days that have anything, so that a dataset of the past answers as of its own end.
WITH newest AS (
    SELECT arg_max(x_CreditBalanceAfter, (x_PostedAt, x_LedgerEntryId)) AS Balance, max(x_PostedAt) AS LastPosted FROM focus
), used AS (
    SELECT -sum(x_CreditDelta)::DOUBLE / $days AS PerDay
    FROM focus, newest
    WHERE ChargeCategory = 'Usage' AND x_PostedAt > LastPosted - to_days($days::INTEGER)
)
SELECT LastPosted, Balance, greatest(0, coalesce(PerDay, 0)) AS PerDay,
    CASE WHEN PerDay > 0 THEN Balance::DOUBLE / PerDay END AS DaysLeft
FROM newest, used
