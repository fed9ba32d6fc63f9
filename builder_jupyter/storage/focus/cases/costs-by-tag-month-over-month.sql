-- title: Costs by a tag, month over month
-- question: How did the cost of each application change?
-- family: allocation
-- columns: Tags, ChargePeriodStart, EffectiveCost
-- source: FOCUS use case library
-- parameter: key = null, the tag; keys are case-sensitive
WITH monthly AS (
    SELECT date_trunc('month', ChargePeriodStart) AS Month,
        json_extract_string(Tags, '$."' || replace($key, '"', '\"') || '"') AS Value, sum(EffectiveCost) AS EffectiveCost
    FROM charges
    GROUP BY ALL
)
SELECT *, EffectiveCost - lag(EffectiveCost) OVER (PARTITION BY Value ORDER BY Month) AS Change
FROM monthly
ORDER BY Month, EffectiveCost DESC, Value
