-- title: Effective cost by pricing currency
-- question: In which currencies are the prices of what was used?
-- family: virtual currency
-- columns: PricingCurrency, BillingCurrency, EffectiveCost, PricingCurrencyEffectiveCost
-- source: FOCUS use case library
SELECT PricingCurrency, BillingCurrency, sum(PricingCurrencyEffectiveCost) AS PricingCurrencyEffectiveCost,
    sum(EffectiveCost) AS EffectiveCost
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, PricingCurrency, BillingCurrency
