-- title: Tokens by model
-- question: How many tokens does each model take and write, and what does a million cost?
-- family: credits
-- columns: x_ModelName, x_InputTokens, x_OutputTokens, EffectiveCost
-- source: our own, on the columns of a credit ledger
SELECT x_ModelProvider, x_ModelName, sum(x_InputTokens) AS InputTokens, sum(x_OutputTokens) AS OutputTokens,
    sum(EffectiveCost) AS EffectiveCost,
    sum(EffectiveCost)::DOUBLE * 1e6 / nullif(sum(x_InputTokens) + sum(x_OutputTokens), 0)::DOUBLE AS CostPerMillion
FROM charges
WHERE x_ModelName IS NOT NULL
GROUP BY ALL
ORDER BY EffectiveCost DESC, x_ModelProvider, x_ModelName
