-- title: Invoices
-- question: What does each invoice come to?
-- family: invoices
-- columns: InvoiceIssuerName, InvoiceId, BillingPeriodStart, BillingCurrency, BilledCost
-- source: FOCUS use case library
SELECT InvoiceIssuerName, InvoiceId, BillingPeriodStart, BillingCurrency, sum(BilledCost) AS BilledCost,
    count(*) AS Charges
FROM invoiced
GROUP BY ALL
ORDER BY BillingPeriodStart, InvoiceIssuerName, InvoiceId
