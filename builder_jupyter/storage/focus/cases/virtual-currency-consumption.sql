-- title: Consumption of virtual currency
-- question: How much virtual currency was used in each billing period?
-- family: virtual currency
-- columns: BillingPeriodStart, PricingCurrency, PricingCurrencyEffectiveCost, EffectiveCost
-- source: FOCUS use case library
SELECT BillingPeriodStart, PricingCurrency, sum(PricingCurrencyEffectiveCost) AS PricingCurrencyEffectiveCost,
    sum(EffectiveCost) AS EffectiveCost
FROM invoiced
WHERE ChargeCategory = 'Usage' AND PricingCurrency IS DISTINCT FROM BillingCurrency
GROUP BY ALL
ORDER BY BillingPeriodStart, PricingCurrency
