-- name: add_spending
-- what a call of a model used, added to its quarter of an hour
INSERT INTO spending (tenant, pack, flow, step, model, slot, calls, unpriced, estimated,
    input_tokens, output_tokens, cached_tokens, sent_bytes, cost)
VALUES (:tenant, :pack, :flow, :step, :model, :slot, :calls, :unpriced, :estimated,
    :input_tokens, :output_tokens, :cached_tokens, :sent_bytes, :cost)
ON CONFLICT (tenant, pack, flow, step, model, slot) DO UPDATE SET
    calls = calls + excluded.calls, unpriced = unpriced + excluded.unpriced,
    estimated = estimated + excluded.estimated, input_tokens = input_tokens + excluded.input_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens,
    sent_bytes = sent_bytes + excluded.sent_bytes, cost = cost + excluded.cost

-- name: spending_by_names
-- what was spent in a time by a tenant or by all, by everything but the time
SELECT tenant, pack, flow, step, model, 0 AS slot, sum(calls) AS calls, sum(unpriced) AS unpriced,
    sum(estimated) AS estimated, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cached_tokens) AS cached_tokens, sum(sent_bytes) AS sent_bytes, sum(cost) AS cost
FROM spending
WHERE (:tenant IS NULL OR tenant = :tenant) AND slot >= :since AND slot < :until
GROUP BY tenant, pack, flow, step, model

-- name: spending_by_slot
-- what was spent in a time by a tenant or by all, by quarter of an hour
SELECT '' AS tenant, '' AS pack, '' AS flow, '' AS step, '' AS model, slot, sum(calls) AS calls,
    sum(unpriced) AS unpriced, sum(estimated) AS estimated, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_tokens) AS cached_tokens, sum(sent_bytes) AS sent_bytes,
    sum(cost) AS cost
FROM spending
WHERE (:tenant IS NULL OR tenant = :tenant) AND slot >= :since AND slot < :until
GROUP BY slot ORDER BY slot

-- name: tree_usages
-- what models used in a run, in all runs above it and in all below those
WITH RECURSIVE above(run_id, parent) AS (
    SELECT run_id, parent_run_id FROM runs WHERE run_id = ?
    UNION ALL SELECT r.run_id, r.parent_run_id FROM runs r JOIN above a ON r.run_id = a.parent
), tree(run_id) AS (
    SELECT run_id FROM above WHERE parent IS NULL
    UNION ALL SELECT r.run_id FROM runs r JOIN tree t ON r.parent_run_id = t.run_id
)
SELECT r.tenant, r.pack, r.flow, e.run_seq, e.ts, e.kind, e.actor, e.step_id, e.payload
FROM tree t JOIN runs r ON r.run_id = t.run_id JOIN events e ON e.run_id = t.run_id
WHERE e.kind = 'model_usage' ORDER BY e.seq
