-- title: Use of commitments
-- question: How much of each commitment is used, how much wasted?
-- family: commitments
-- columns: CommitmentDiscountId, CommitmentDiscountStatus, EffectiveCost
-- source: FOCUS use case library
SELECT CommitmentDiscountId, any_value(CommitmentDiscountName) AS CommitmentDiscountName, CommitmentDiscountType,
    coalesce(sum(EffectiveCost) FILTER (CommitmentDiscountStatus = 'Used'), 0) AS Used,
    coalesce(sum(EffectiveCost) FILTER (CommitmentDiscountStatus = 'Unused'), 0) AS Unused,
    Used::DOUBLE / nullif(Used + Unused, 0)::DOUBLE AS Utilisation
FROM charges
WHERE CommitmentDiscountId IS NOT NULL AND ChargeCategory = 'Usage'
GROUP BY CommitmentDiscountId, CommitmentDiscountType
ORDER BY Unused DESC, CommitmentDiscountId
