-- title: Cost of a tag against a budget
-- question: Is each application within its budget for the month?
-- family: forecast
-- columns: Tags, ChargePeriodStart, EffectiveCost
-- source: FOCUS use case library
-- parameter: key = null, the tag; keys are case-sensitive
-- parameter: budget = 1000, what a value may cost in a month, in BillingCurrency
SELECT date_trunc('month', ChargePeriodStart) AS Month, json_extract_string(Tags, '$."' || replace($key, '"', '\"') || '"') AS Value,
    sum(EffectiveCost) AS EffectiveCost, $budget::DOUBLE AS Budget, (sum(EffectiveCost) / $budget)::DOUBLE AS Used
FROM charges
GROUP BY ALL
ORDER BY Month, EffectiveCost DESC, Value
