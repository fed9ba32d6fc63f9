-- title: Billing and sub accounts
-- question: Which accounts are there, and what do they cost?
-- family: participants
-- columns: BillingAccountId, BillingAccountName, SubAccountId, SubAccountName, EffectiveCost
-- source: FOCUS use case library
SELECT BillingAccountId, any_value(BillingAccountName) AS BillingAccountName, SubAccountId,
    any_value(SubAccountName) AS SubAccountName, sum(EffectiveCost) AS EffectiveCost
FROM charges
GROUP BY BillingAccountId, SubAccountId
ORDER BY BillingAccountId, SubAccountId
