-- title: Where discounts come from
-- question: How much do negotiated prices save, and how much commitments and prepayment?
-- family: savings
-- columns: ServiceName, ListCost, ContractedCost, EffectiveCost
-- source: FOCUS use case library
SELECT ServiceName, sum(ListCost) AS ListCost, sum(ListCost - ContractedCost) AS Negotiated,
    sum(ContractedCost - EffectiveCost) AS Committed, sum(EffectiveCost) AS EffectiveCost
FROM charges
WHERE ChargeCategory = 'Usage'
GROUP BY ALL
ORDER BY ListCost DESC, ServiceName
