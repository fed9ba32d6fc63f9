-- title: Invoice reconciliation
-- question: What is each invoice made of?
-- family: invoices
-- columns: InvoiceId, ChargeCategory, ServiceName, BilledCost
-- source: FOCUS use case library
SELECT InvoiceId, ChargeCategory, ServiceName, sum(BilledCost) AS BilledCost, count(*) AS Charges
FROM invoiced
GROUP BY ALL
HAVING sum(BilledCost) <> 0
ORDER BY InvoiceId, BilledCost DESC, ChargeCategory, ServiceName
