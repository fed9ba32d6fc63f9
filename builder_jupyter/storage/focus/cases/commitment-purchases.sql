-- title: Purchases of commitments
-- question: Which commitments were bought?
-- family: commitments
-- columns: ChargeCategory, CommitmentDiscountId, CommitmentDiscountType, BilledCost
-- source: FOCUS use case library
SELECT date_trunc('month', ChargePeriodStart) AS Month, CommitmentDiscountId, any_value(CommitmentDiscountName) AS CommitmentDiscountName,
    CommitmentDiscountType, sum(BilledCost) AS BilledCost
FROM charges
WHERE ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL
GROUP BY Month, CommitmentDiscountId, CommitmentDiscountType
ORDER BY Month, BilledCost DESC, CommitmentDiscountId
