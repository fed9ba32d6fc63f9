-- title: Billed cost by issuer
-- question: Who bills how much?
-- family: invoices
-- columns: InvoiceIssuerName, BillingAccountId, BillingPeriodStart, BilledCost
-- source: FOCUS use case library
SELECT BillingPeriodStart, InvoiceIssuerName, BillingAccountId, sum(BilledCost) AS BilledCost
FROM invoiced
GROUP BY ALL
ORDER BY BillingPeriodStart, BilledCost DESC, InvoiceIssuerName, BillingAccountId
