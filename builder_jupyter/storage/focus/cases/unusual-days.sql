-- title: Unusual days
-- question: On which days did a service cost far more than it usually does?
-- family: anomaly
-- columns: ServiceName, ChargePeriodStart, EffectiveCost
-- source: our own
-- parameter: score = 3.5, from how many deviations on a day is unusual
-- parameter: days = 7, how many days a service must have to have something usual
-- Median and median deviation: one dear day must not hide itself by raising what is usual.
WITH daily AS (
    SELECT ServiceName, ChargePeriodStart::DATE AS Day, sum(EffectiveCost)::DOUBLE AS EffectiveCost
    FROM charges
    GROUP BY ALL
), usual AS (
    SELECT ServiceName, median(EffectiveCost) AS Usual, mad(EffectiveCost) AS Spread, count(*) AS Days
    FROM daily
    GROUP BY ServiceName
)
SELECT Day, ServiceName, EffectiveCost, Usual, (EffectiveCost - Usual) / greatest(1.4826 * Spread, 0.01 * Usual) AS Score
FROM daily JOIN usual USING (ServiceName)
WHERE Days >= $days AND Usual > 0 AND Score >= $score
ORDER BY Score DESC, Day, ServiceName
