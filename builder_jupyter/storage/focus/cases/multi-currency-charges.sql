-- title: Charges in several currencies
-- question: Which applications are billed in which currencies?
-- family: allocation
-- columns: Tags, BillingCurrency, EffectiveCost, BilledCost
-- source: FOCUS use case library
-- parameter: key = null, the tag; keys are case-sensitive
SELECT json_extract_string(Tags, '$."' || replace($key, '"', '\"') || '"') AS Value, BillingCurrency,
    sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY Value, BillingCurrency
