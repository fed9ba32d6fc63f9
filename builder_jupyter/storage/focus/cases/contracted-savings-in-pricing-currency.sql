-- title: Contracted savings in the pricing currency
-- question: How much did negotiated prices save, in the currency of the price list?
-- family: virtual currency
-- columns: PricingCurrency, PricingCurrencyListUnitPrice, PricingCurrencyContractedUnitPrice, PricingQuantity
-- source: FOCUS use case library
SELECT PricingCurrency, ServiceName,
    sum((PricingCurrencyListUnitPrice - PricingCurrencyContractedUnitPrice)::DOUBLE * PricingQuantity::DOUBLE) AS Saved
FROM charges
WHERE ChargeCategory = 'Usage' AND PricingCurrencyListUnitPrice IS NOT NULL
GROUP BY ALL
ORDER BY Saved DESC, PricingCurrency, ServiceName
