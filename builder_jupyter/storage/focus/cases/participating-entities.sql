-- title: Who is who
-- question: Who sells, hosts and bills what?
-- family: participants
-- columns: ServiceProviderName, HostProviderName, InvoiceIssuerName, EffectiveCost
-- source: FOCUS use case library
SELECT ServiceProviderName, HostProviderName, InvoiceIssuerName, sum(EffectiveCost) AS EffectiveCost, count(*) AS Charges
FROM charges
GROUP BY ALL
ORDER BY EffectiveCost DESC, ServiceProviderName, HostProviderName, InvoiceIssuerName
