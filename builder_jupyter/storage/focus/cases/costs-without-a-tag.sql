-- title: Costs without a tag
-- question: What lacks a tag that it should have?
-- family: allocation
-- columns: Tags, SubAccountName, ServiceName, ResourceId, EffectiveCost
-- source: our own
-- parameter: key = null, the tag; keys are case-sensitive
-- parameter: limit = 100, how many at most
SELECT SubAccountName, ServiceName, ResourceId, sum(EffectiveCost) AS EffectiveCost
FROM charges
WHERE json_extract_string(Tags, '$."' || replace($key, '"', '\"') || '"') IS NULL
GROUP BY ALL
ORDER BY EffectiveCost DESC, SubAccountName, ServiceName, ResourceId
LIMIT $limit
