-- title: Forecast of cash
-- question: What will the coming months cost if the trend of the months before goes on?
-- family: forecast
-- columns: BillingPeriodStart, BilledCost
-- source: FOCUS use case library
-- parameter: months = 3, how many months ahead
-- A straight line through the months; months without a charge count as nothing spent.
WITH known AS (
    SELECT date_trunc('month', BillingPeriodStart) AS Month, sum(BilledCost)::DOUBLE AS BilledCost
    FROM invoiced
    GROUP BY ALL
), span AS (
    SELECT min(Month) AS First, max(Month) AS Last FROM known
), months AS (
    SELECT unnest(generate_series(First, Last + to_months($months::INTEGER), INTERVAL 1 MONTH)) AS Month, Last FROM span
), numbered AS (
    SELECT Month, datediff('month', (SELECT First FROM span), Month) AS Number, Month > Last AS IsForecast,
        CASE WHEN Month <= Last THEN coalesce(BilledCost, 0) END AS BilledCost
    FROM months LEFT JOIN known USING (Month)
)
SELECT Month, IsForecast, coalesce(BilledCost, greatest(0, coalesce(
    (SELECT regr_intercept(BilledCost, Number) + regr_slope(BilledCost, Number) * n.Number FROM numbered),
    (SELECT avg(BilledCost) FROM numbered)))) AS BilledCost
FROM numbered AS n
ORDER BY Month
