-- title: Costs by sub account
-- question: What did each account, project, subscription or workspace cost?
-- family: spend
-- columns: SubAccountId, SubAccountName, EffectiveCost, BilledCost
-- source: FOCUS use case library
SELECT SubAccountId, SubAccountName, sum(EffectiveCost) AS EffectiveCost, sum(BilledCost) AS BilledCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, SubAccountId, SubAccountName
