-- title: Forecast of amortised cost
-- question: What will the coming months cost if the trend of the months before goes on?
-- family: forecast
-- columns: ChargePeriodStart, EffectiveCost
-- source: FOCUS use case library
-- parameter: months = 3, how many months ahead
-- A straight line through the months; months without a charge count as nothing spent.
WITH known AS (
    SELECT date_trunc('month', ChargePeriodStart) AS Month, sum(EffectiveCost)::DOUBLE AS EffectiveCost
    FROM charges
    GROUP BY ALL
), span AS (
    SELECT min(Month) AS First, max(Month) AS Last FROM known
), months AS (
    SELECT unnest(generate_series(First, Last + to_months($months::INTEGER), INTERVAL 1 MONTH)) AS Month, Last FROM span
), numbered AS (
    SELECT Month, datediff('month', (SELECT First FROM span), Month) AS Number, Month > Last AS IsForecast,
        CASE WHEN Month <= Last THEN coalesce(EffectiveCost, 0) END AS EffectiveCost
    FROM months LEFT JOIN known USING (Month)
)
SELECT Month, IsForecast, coalesce(EffectiveCost, greatest(0, coalesce(
    (SELECT regr_intercept(EffectiveCost, Number) + regr_slope(EffectiveCost, Number) * n.Number FROM numbered),
    (SELECT avg(EffectiveCost) FROM numbered)))) AS EffectiveCost
FROM numbered AS n
ORDER BY Month
