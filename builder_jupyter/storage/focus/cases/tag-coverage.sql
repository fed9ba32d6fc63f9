-- title: Tag coverage
-- question: How much of the spend carries a tag, and which tags are there?
-- family: allocation
-- columns: Tags, EffectiveCost
-- source: FOCUS use case library
WITH keys AS (
    SELECT unnest(json_keys(Tags)) AS TagKey, EffectiveCost
    FROM charges
    WHERE Tags IS NOT NULL
), whole AS (
    SELECT sum(EffectiveCost) AS Whole, count(*) AS AllRows FROM charges
)
SELECT TagKey, count(*) AS Charges, sum(EffectiveCost) AS EffectiveCost,
    (sum(EffectiveCost) / nullif(any_value(Whole), 0))::DOUBLE AS ShareOfCost, count(*) / any_value(AllRows) AS ShareOfCharges
FROM keys, whole
GROUP BY TagKey
ORDER BY EffectiveCost DESC, TagKey
