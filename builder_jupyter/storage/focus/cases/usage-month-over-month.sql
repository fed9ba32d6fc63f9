-- title: Usage, month over month
-- question: How did the amount that is used change?
-- family: unit economics
-- columns: ChargePeriodStart, ServiceName, ConsumedUnit, ConsumedQuantity
-- source: FOCUS use case library
WITH monthly AS (
    SELECT date_trunc('month', ChargePeriodStart) AS Month, ServiceName, ConsumedUnit,
        sum(ConsumedQuantity) AS ConsumedQuantity
    FROM charges
    WHERE ChargeCategory = 'Usage' AND ConsumedQuantity IS NOT NULL
    GROUP BY ALL
)
SELECT *, ConsumedQuantity - lag(ConsumedQuantity) OVER w AS Change
FROM monthly
WINDOW w AS (PARTITION BY ServiceName, ConsumedUnit ORDER BY Month)
ORDER BY Month, ServiceName, ConsumedUnit
