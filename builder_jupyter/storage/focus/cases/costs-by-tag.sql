-- title: Costs by the values of a tag
-- question: What did each team, project or environment cost?
-- family: allocation
-- columns: Tags, EffectiveCost, BilledCost
-- source: FOCUS use case library
-- parameter: key = null, the tag; keys are case-sensitive
SELECT json_extract_string(Tags, '$."' || replace($key, '"', '\"') || '"') AS Value, sum(EffectiveCost) AS EffectiveCost,
    sum(BilledCost) AS BilledCost, count(*) AS Charges
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, Value
