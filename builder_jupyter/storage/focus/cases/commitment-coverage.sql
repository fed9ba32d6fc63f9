-- title: Coverage by commitments
-- question: How much of the usage is covered by commitments?
-- family: commitments
-- columns: ServiceName, CommitmentDiscountId, ListCost
-- source: FOCUS use case library
SELECT ServiceProviderName, ServiceName, sum(ListCost) AS ListCost,
    coalesce(sum(ListCost) FILTER (CommitmentDiscountId IS NOT NULL), 0) AS Covered,
    Covered::DOUBLE / nullif(sum(ListCost), 0)::DOUBLE AS Coverage
FROM charges
WHERE ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
GROUP BY ALL
ORDER BY ListCost DESC, ServiceName
