-- title: Service costs, month over month
-- question: What did each service cost in each month, and how did that change?
-- family: spend
-- columns: ServiceProviderName, ServiceName, ChargePeriodStart, EffectiveCost
-- source: FOCUS use case library, service costs month over month
WITH monthly AS (
    SELECT date_trunc('month', ChargePeriodStart) AS Month, ServiceProviderName, ServiceName,
        sum(EffectiveCost) AS EffectiveCost
    FROM charges
    GROUP BY ALL
)
SELECT *, EffectiveCost - lag(EffectiveCost) OVER w AS Change
FROM monthly
WINDOW w AS (PARTITION BY ServiceProviderName, ServiceName ORDER BY Month)
ORDER BY Month, EffectiveCost DESC, ServiceName
