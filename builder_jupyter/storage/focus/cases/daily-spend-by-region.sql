-- title: Daily spend by region
-- question: What was spent on each day, and how far is it from the average of the days before?
-- family: anomaly
-- columns: SubAccountId, RegionId, ChargePeriodStart, EffectiveCost
-- source: FOCUS use case library
-- parameter: days = 7, how many days the average is of
WITH daily AS (
    SELECT ChargePeriodStart::DATE AS Day, SubAccountId, RegionId, sum(EffectiveCost) AS EffectiveCost
    FROM charges
    GROUP BY ALL
)
SELECT *, EffectiveCost - avg(EffectiveCost) OVER w AS AboveAverage
FROM daily
WINDOW w AS (PARTITION BY SubAccountId, RegionId ORDER BY Day ROWS BETWEEN $days PRECEDING AND 1 PRECEDING)
ORDER BY Day, EffectiveCost DESC, SubAccountId, RegionId
