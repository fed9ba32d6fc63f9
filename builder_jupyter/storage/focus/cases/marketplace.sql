-- title: Marketplace
-- question: What was bought through somebody else than who provides it?
-- family: participants
-- columns: ServiceProviderName, InvoiceIssuerName, ServiceName, BilledCost
-- source: FOCUS use case library
-- The names of a vendor as provider and as issuer need not be equal ("AWS", "Amazon Web Services, Inc."): a publisher
-- tells them apart where there is one.
SELECT ServiceProviderName, PublisherName, InvoiceIssuerName, ServiceName, sum(BilledCost) AS BilledCost
FROM charges
WHERE PublisherName IS NOT NULL AND PublisherName <> InvoiceIssuerName AND PublisherName <> ServiceProviderName
GROUP BY ALL
ORDER BY BilledCost DESC, ServiceName, PublisherName
