-- title: What virtual currency was spent on
-- question: Which services used it up?
-- family: virtual currency
-- columns: ServiceName, SkuId, PricingCurrency, PricingCurrencyEffectiveCost
-- source: FOCUS use case library
SELECT ServiceName, SkuId, PricingCurrency, sum(PricingCurrencyEffectiveCost) AS PricingCurrencyEffectiveCost,
    sum(EffectiveCost) AS EffectiveCost
FROM charges
WHERE ChargeCategory = 'Usage' AND PricingCurrency IS DISTINCT FROM BillingCurrency
GROUP BY ALL
ORDER BY PricingCurrencyEffectiveCost DESC, ServiceName, SkuId
