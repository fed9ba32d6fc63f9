-- title: Daily spend by sub account
-- question: What was spent on each day, and how far is it from the average of the days before?
-- family: anomaly
-- columns: SubAccountId, SubAccountName, ChargePeriodStart, EffectiveCost
-- source: FOCUS use case library
-- parameter: days = 7, how many days the average is of
WITH daily AS (
    SELECT ChargePeriodStart::DATE AS Day, SubAccountId, SubAccountName, sum(EffectiveCost) AS EffectiveCost
    FROM charges
    GROUP BY ALL
)
SELECT *, EffectiveCost - avg(EffectiveCost) OVER w AS AboveAverage
FROM daily
WINDOW w AS (PARTITION BY SubAccountId ORDER BY Day ROWS BETWEEN $days PRECEDING AND 1 PRECEDING)
ORDER BY Day, EffectiveCost DESC, SubAccountId, SubAccountName
