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
WHERE e.kind = 'model_usage' ORDER BY +e.seq

-- name: step_usages
-- what models cost by step, in a stretch of a run's history
SELECT step_id, coalesce(sum(json_extract(payload, '$.cost')), 0) AS cost,
    sum(json_extract(payload, '$.cost') IS NULL) AS unpriced
FROM events WHERE run_id = ? AND run_seq BETWEEN ? AND ? AND kind = 'model_usage' GROUP BY step_id

-- name: tree_cost
-- what the runs of a tree cost, how many of their calls are of unknown cost, and the tokens that they used
WITH RECURSIVE tree(run_id) AS (
    SELECT run_id FROM runs WHERE run_id = ?
    UNION ALL SELECT r.run_id FROM runs r JOIN tree t ON r.parent_run_id = t.run_id
)
SELECT coalesce(sum(cost), 0) AS cost, coalesce(sum(unpriced), 0) AS unpriced, coalesce(sum(tokens_used), 0) AS tokens
FROM runs WHERE run_id IN (SELECT run_id FROM tree)

-- name: cost_since
-- what a tenant, one of its packs or one model there cost since a moment
SELECT coalesce(sum(cost), 0) AS cost, coalesce(sum(unpriced), 0) AS unpriced FROM spending
WHERE tenant = :tenant AND slot >= :slot AND (:pack IS NULL OR pack = :pack) AND (:model IS NULL OR model = :model)

-- name: learned
-- bytes and tokens of what a model was told for a tenant since a moment
SELECT coalesce(sum(sent_bytes), 0) AS sent_bytes, coalesce(sum(input_tokens), 0) AS input_tokens FROM spending
WHERE tenant = ? AND slot >= ? AND model = ?

-- name: put_hold
-- hold money and tokens for a call that begins, or less for one that ended
INSERT INTO holds (hold_id, run_id, step_id, tenant, pack, model, tree, amount, boot_id, deadline, limits, ended,
    input_tokens, output_tokens, sent_bytes, priced)
VALUES (:hold_id, :run_id, :step_id, :tenant, :pack, :model, :tree, :amount, :boot_id, :deadline, :limits, :ended,
    :input_tokens, :output_tokens, :sent_bytes, :priced)
ON CONFLICT (hold_id) DO UPDATE SET amount = excluded.amount, input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens

-- name: select_hold
-- what is held for one call
SELECT * FROM holds WHERE hold_id = ?

-- name: select_holds
-- what is held for calls under way; they are few
SELECT * FROM holds WHERE NOT ended ORDER BY hold_id

-- name: holds_of_run
-- what is held for calls of a run, or was until nobody could be making them any more
SELECT * FROM holds WHERE run_id = ? ORDER BY hold_id

-- name: drop_hold
-- the call has ended
DELETE FROM holds WHERE hold_id = ?

-- name: end_holds
-- calls that nobody can be making any more: of an earlier boot, or past their time
UPDATE holds SET ended = 1 WHERE NOT ended AND (boot_id <> ? OR deadline < ?)

-- name: select_caps
-- caps that people set
SELECT * FROM caps ORDER BY scope, tenant, name, cap_window

-- name: put_cap
-- a person sets a cap
INSERT INTO caps (scope, tenant, name, cap_window, soft, hard, pause)
VALUES (:scope, :tenant, :name, :cap_window, :soft, :hard, :pause)
ON CONFLICT (scope, tenant, name, cap_window)
DO UPDATE SET soft = excluded.soft, hard = excluded.hard, pause = excluded.pause

-- name: drop_cap
-- a person takes a cap back
DELETE FROM caps WHERE scope = ? AND tenant = ? AND name = ? AND cap_window = ?

-- name: add_act
-- something happened to a cap
INSERT INTO budget_acts (ts, kind, scope, tenant, name, cap_window, since, actor, via, amount, soft, hard, comment)
VALUES (:ts, :kind, :scope, :tenant, :name, :cap_window, :since, :actor, :via, :amount, :soft, :hard, :comment)

-- name: sum_of_acts
-- how often something happened to a cap in a window, and the sum of the amounts
SELECT count(*) AS times, coalesce(sum(amount), 0) AS amount FROM budget_acts
WHERE kind = ? AND scope = ? AND tenant = ? AND name = ? AND cap_window = ? AND since = ?

-- name: newest_acts
-- what happened to caps of a tenant, or of all, newest first
SELECT * FROM budget_acts WHERE (:tenant IS NULL OR tenant IN (:tenant, '*')) ORDER BY act DESC LIMIT :limit

-- name: acts_after
-- what happened to caps after a place, in order
SELECT * FROM budget_acts WHERE act > ? ORDER BY act LIMIT ?

-- name: top_ups
-- by how much caps were topped up, by window
SELECT scope, tenant, name, cap_window, since, sum(amount) AS amount FROM budget_acts
WHERE kind = 'topped_up' GROUP BY scope, tenant, name, cap_window, since

-- name: soft_cap_answer
-- what people answered last about a soft cap after it was reached in a window
SELECT kind FROM budget_acts AS a
WHERE kind IN ('topped_up', 'lowered', 'stopped') AND scope = :scope AND tenant = :tenant AND name = :name
    AND cap_window = :cap_window AND since = :since
    AND act > (SELECT min(act) FROM budget_acts WHERE kind = 'soft_reached' AND scope = :scope AND tenant = :tenant
        AND name = :name AND cap_window = :cap_window AND since = :since)
ORDER BY act DESC LIMIT 1

-- name: put_wait
-- a run waits at a soft cap
INSERT INTO soft_waits (run_id, scope, tenant, name, cap_window, since)
VALUES (:run_id, :scope, :tenant, :name, :cap_window, :since)
ON CONFLICT (run_id) DO UPDATE SET scope = excluded.scope, tenant = excluded.tenant, name = excluded.name,
    cap_window = excluded.cap_window, since = excluded.since

-- name: drop_wait
-- it waits no more
DELETE FROM soft_waits WHERE run_id = ?

-- name: waits
-- runs that wait at soft caps, after one of them, and whether a person has answered how they go on
SELECT w.*, EXISTS (
    SELECT 1 FROM budget_acts AS a
    WHERE a.kind IN ('topped_up', 'lowered', 'stopped') AND a.scope = w.scope AND a.tenant = w.tenant
        AND a.name = w.name AND a.cap_window = w.cap_window AND a.since = w.since
        AND a.act > (SELECT min(b.act) FROM budget_acts AS b WHERE b.kind = 'soft_reached' AND b.scope = w.scope
            AND b.tenant = w.tenant AND b.name = w.name AND b.cap_window = w.cap_window AND b.since = w.since)
) AS answered
FROM soft_waits AS w WHERE w.run_id > ? ORDER BY run_id LIMIT ?

-- name: rest_of_runs
-- what runs cost after they had begun a step, with the runs that they started since
WITH RECURSIVE begun(run_id, first_seq) AS (
    SELECT run_id, first_seq FROM steps WHERE path = :path AND run_id IN (SELECT value FROM json_each(:runs))
), below(root, run_id) AS (
    SELECT b.run_id, s.child_run_id FROM begun b JOIN steps s ON s.run_id = b.run_id
    WHERE s.first_seq > b.first_seq AND s.child_run_id IS NOT NULL
    UNION ALL SELECT b.root, r.run_id FROM below b JOIN runs r ON r.parent_run_id = b.run_id
), costs(run_id, cost, unpriced) AS (
    SELECT run_id, 0, 0 FROM begun
    UNION ALL
    SELECT b.run_id, coalesce(json_extract(e.payload, '$.cost'), 0), json_extract(e.payload, '$.cost') IS NULL
    FROM begun b JOIN events e ON e.run_id = b.run_id AND e.run_seq > b.first_seq AND e.kind = 'model_usage'
    UNION ALL SELECT b.root, r.cost, r.unpriced FROM below b JOIN runs r ON r.run_id = b.run_id
)
SELECT run_id, sum(cost) AS cost, sum(unpriced) AS unpriced FROM costs GROUP BY run_id
