-- Each entry of the ledger as one charge. Source: FOCUS 1.3; which column says what of an entry is in docs/focus.md.
-- `l` is the entry, `o` the one that it takes back, `s` how its node type is sold; `k` the credits of the row, `n` 1 or,
-- where it takes something back, -1. A step that drew two lots has a row for each, whose unit price is its share: so
-- the products of price and quantity are exact. What was measured, or the one action, is on the first of them.
WITH services AS (
    SELECT v[1] AS node_type, v[2] AS sku, v[3] AS service, v[4] AS category, v[5] AS subcategory
    FROM (SELECT unnest($services::VARCHAR[][]) AS v)
),
taken_back AS ( -- few, so that not every part of an export looks at every entry
    SELECT entry_id, part, posted_at FROM ledger
    WHERE workspace = $workspace AND entry_id IN (
        SELECT undoes FROM ledger
        WHERE workspace = $workspace AND undoes IS NOT NULL AND position > $after AND position <= $upto
    )
),
entries AS (
    SELECT l.*,
        l.kind IN ('usage', 'refund') AS is_usage,
        l.kind IN ('purchase', 'purchase_refund') AS is_purchase,
        CASE WHEN l.kind IN ('refund', 'purchase_refund') THEN -1 ELSE 1 END AS n,
        l.amount AS k,
        coalesce(l.quantity, CASE WHEN coalesce(o.part, l.part) = 0 THEN 1 ELSE 0 END) AS measured,
        coalesce(l.rate, 0) AS paid,
        CASE WHEN regexp_matches(l.workflow_name, $visible) AND NOT list_contains($stand_ins, l.workflow_name)
             THEN l.workflow_name END AS name,
        CASE WHEN regexp_matches(l.note, $visible) AND NOT list_contains($stand_ins, l.note)
             THEN trim(l.note) END AS said,
        CASE WHEN regexp_matches(l.pack, $visible) AND NOT list_contains($stand_ins, l.pack)
             THEN l.pack END AS offer,
        CASE WHEN regexp_matches(l.receipt, $visible) AND NOT list_contains($stand_ins, l.receipt)
             THEN l.receipt END AS paid_by,
        make_timestamp(l.posted_at * 1000) AS posted,
        make_timestamp(coalesce(o.posted_at, l.posted_at) * 1000) AS charged,
        CASE WHEN l.model IS NULL THEN NULL
             WHEN contains(l.model, ':') THEN split_part(l.model, ':', 1)
             WHEN contains(l.model, '/') THEN split_part(l.model, '/', 1) END AS model_provider,
        CASE WHEN l.kind IN ('usage', 'refund') THEN coalesce(s.sku, l.node_type, $step[2]) ELSE 'credits' END AS sku,
        CASE WHEN l.kind IN ('usage', 'refund') THEN coalesce(s.service, $step[3]) ELSE $credits[3] END AS service,
        CASE WHEN l.kind IN ('usage', 'refund') THEN coalesce(s.category, $step[4]) ELSE $credits[4] END AS category,
        CASE WHEN l.kind IN ('usage', 'refund') THEN coalesce(s.subcategory, $step[5])
             ELSE $credits[5] END AS subcategory
    FROM ledger l
    LEFT JOIN taken_back o ON o.entry_id = l.undoes
    LEFT JOIN services s ON s.node_type = l.node_type
    WHERE l.workspace = $workspace AND l.kind NOT IN ('hold', 'release')
      AND l.posted_at >= $start AND l.posted_at < $end AND l.position > $after AND l.position <= $upto
)
SELECT
    position, part,
    CASE WHEN is_purchase THEN (n * k * paid)::DECIMAL(28, 10) ELSE 0::DECIMAL(28, 10) END AS BilledCost,
    billing_account AS BillingAccountId,
    $account AS BillingAccountName,
    'Account' AS BillingAccountType,
    $currency AS BillingCurrency,
    date_trunc('month', posted) + INTERVAL 1 MONTH AS BillingPeriodEnd,
    date_trunc('month', posted)::TIMESTAMP AS BillingPeriodStart,
    CASE WHEN is_usage THEN 'Usage' WHEN is_purchase THEN 'Purchase' WHEN kind = 'grant' THEN 'Credit'
         ELSE 'Adjustment' END AS ChargeCategory,
    CASE WHEN n < 0 AND date_trunc('month', charged) < date_trunc('month', posted) THEN 'Correction' END AS ChargeClass,
    CASE kind
        WHEN 'usage' THEN service || ', 1 action at ' || printf('%.14g', k::DOUBLE) || ' credits'
        WHEN 'refund' THEN 'Refund: ' || service || ', 1 action at ' || printf('%.14g', k::DOUBLE) || ' credits'
        WHEN 'purchase' THEN 'Purchase of ' || printf('%.14g', k::DOUBLE) || ' credits'
        WHEN 'purchase_refund' THEN 'Refund of a purchase of ' || printf('%.14g', k::DOUBLE) || ' credits'
        WHEN 'grant' THEN coalesce(said, 'Grant of ' || printf('%.14g', k::DOUBLE) || ' credits')
        ELSE coalesce(said, 'Adjustment by ' || printf('%.14g', credits::DOUBLE) || ' credits')
    END AS ChargeDescription,
    CASE WHEN is_usage THEN 'Usage-Based' ELSE 'One-Time' END AS ChargeFrequency,
    date_trunc('hour', charged) + INTERVAL 1 HOUR AS ChargePeriodEnd,
    date_trunc('hour', charged)::TIMESTAMP AS ChargePeriodStart,
    CASE WHEN is_usage THEN (n * measured)::DECIMAL(28, 10) END AS ConsumedQuantity,
    CASE WHEN is_usage THEN coalesce(CASE WHEN quantity IS NOT NULL THEN unit END, 'Actions') END AS ConsumedUnit,
    CASE WHEN is_usage OR is_purchase THEN (n * k * paid)::DECIMAL(28, 10)
         ELSE 0::DECIMAL(28, 10) END AS ContractedCost,
    CASE WHEN is_usage THEN (k * paid)::DECIMAL(28, 10) WHEN is_purchase THEN paid END AS ContractedUnitPrice,
    CASE WHEN is_usage THEN (n * k * paid)::DECIMAL(28, 10) ELSE 0::DECIMAL(28, 10) END AS EffectiveCost,
    $vendor AS HostProviderName,
    'INV-' || billing_account || '-' || strftime(posted, '%Y-%m') AS InvoiceId,
    $vendor AS InvoiceIssuerName,
    CASE WHEN is_usage OR is_purchase THEN (n * k * $list::DECIMAL(18, 6))::DECIMAL(28, 10)
         ELSE 0::DECIMAL(28, 10) END AS ListCost,
    CASE WHEN is_usage THEN (k * $list::DECIMAL(18, 6))::DECIMAL(28, 10)
         WHEN is_purchase THEN $list::DECIMAL(28, 10) END AS ListUnitPrice,
    CASE WHEN is_usage OR is_purchase THEN 'Standard' END AS PricingCategory,
    CASE WHEN is_usage THEN $credit_currency ELSE $currency END AS PricingCurrency,
    CASE WHEN is_usage THEN k::DECIMAL(28, 10) WHEN is_purchase THEN paid END AS PricingCurrencyContractedUnitPrice,
    CASE WHEN is_usage THEN (n * k)::DECIMAL(28, 10) ELSE 0::DECIMAL(28, 10) END AS PricingCurrencyEffectiveCost,
    CASE WHEN is_usage THEN k::DECIMAL(28, 10)
         WHEN is_purchase THEN $list::DECIMAL(28, 10) END AS PricingCurrencyListUnitPrice,
    CASE WHEN is_usage THEN n::DECIMAL(28, 10) WHEN is_purchase THEN (n * k)::DECIMAL(28, 10) END AS PricingQuantity,
    CASE WHEN is_usage THEN 'Actions' WHEN is_purchase THEN 'Credits' END AS PricingUnit,
    $vendor AS ProviderName,
    $vendor AS PublisherName,
    CASE WHEN is_usage THEN workflow_id ELSE lot_id END AS ResourceId,
    CASE WHEN is_usage THEN coalesce(nullif(name, workflow_id), 'Workflow ' || workflow_id)
         ELSE 'Credit lot ' || lot_id END AS ResourceName,
    CASE WHEN is_usage AND workflow_id IS NOT NULL THEN 'Workflow'
         WHEN NOT is_usage AND lot_id IS NOT NULL THEN 'Credit Lot' END AS ResourceType,
    category AS ServiceCategory,
    service AS ServiceName,
    $vendor AS ServiceProviderName,
    subcategory AS ServiceSubcategory,
    CASE WHEN is_usage OR is_purchase THEN sku END AS SkuId,
    CASE WHEN is_usage THEN service || ' Actions' WHEN is_purchase THEN 'Credits' END AS SkuMeter,
    CASE WHEN is_usage AND model IS NOT NULL
         THEN '{"x_ModelId":' || to_json(model)::VARCHAR || '}' END AS SkuPriceDetails,
    CASE WHEN is_usage THEN sku || '/' || coalesce(model, 'any') || '/' || coalesce(price_version, 'v1')
         WHEN is_purchase THEN 'credits/' || coalesce(offer, 'any') END AS SkuPriceId,
    workspace AS SubAccountId,
    'Workspace ' || workspace AS SubAccountName,
    'Workspace' AS SubAccountType,
    CASE WHEN is_usage AND trigger_type IS NOT NULL
         THEN '{"builder/node-type":' || to_json(node_type)::VARCHAR || ',"builder/trigger":'
              || to_json(trigger_type)::VARCHAR || CASE WHEN tags IS NULL THEN '}' ELSE ',' || substr(tags, 2) END
         END AS Tags,
    entry_id AS x_LedgerEntryId,
    date_trunc('second', posted)::TIMESTAMP AS x_PostedAt,
    credits::DECIMAL(28, 10) AS x_CreditDelta,
    balance_after::DECIMAL(28, 10) AS x_CreditBalanceAfter,
    execution_id AS x_ExecutionId,
    step AS x_StepId,
    trigger_type AS x_TriggerType,
    model AS x_ModelName,
    model_provider AS x_ModelProvider,
    CASE WHEN is_usage THEN (n * input_tokens)::DECIMAL(28, 10) END AS x_InputTokens,
    CASE WHEN is_usage THEN (n * output_tokens)::DECIMAL(28, 10) END AS x_OutputTokens,
    undoes AS x_RefundOf,
    lot_id AS x_CreditLotId,
    paid_by AS x_ReceiptId
FROM entries
