-- name: insert_event
INSERT INTO events (run_id, run_seq, ts, kind, step_id, actor, payload) VALUES (?, ?, ?, ?, ?, ?, ?)
-- name: select_head
SELECT run_seq, lease_epoch, lease_worker, status, slot_key, started_at, finished_at, output_seq,
    tenant, pack, flow, cell, created_at,
    (SELECT max(mail_id) FROM mailbox WHERE mailbox.run_id = runs.run_id) AS newest_mail
FROM runs WHERE run_id = ?
-- name: update_run
UPDATE runs SET started_at = :started_at, finished_at = :finished_at,
    updated_at = :updated_at, run_seq = :run_seq, ready = :ready, lease_worker = :lease_worker,
    current_step = :current_step, waiting_for = :waiting_for, error = :error, output_seq = :output_seq,
    steps_executed = :steps_executed, tool_calls = :tool_calls, tokens_used = :tokens_used,
    cancel = :cancel, pause = :pause
WHERE run_id = :run_id
-- name: enter_cell
INSERT INTO run_cells (tenant, pack, flow, status, n) VALUES (?, ?, ?, ?, 1)
ON CONFLICT (tenant, pack, flow, status) DO UPDATE SET n = n + 1 RETURNING cell
-- name: count_period
INSERT INTO run_periods (cell, period, n) VALUES (?, ?, ?) ON CONFLICT (cell, period) DO UPDATE SET n = n + excluded.n
-- name: know_requester
INSERT INTO run_requesters (tenant, requested_by) VALUES (?, ?) ON CONFLICT DO NOTHING
-- name: leave_cell
UPDATE run_cells SET n = n - 1 WHERE cell = ?
-- name: has_mail
SELECT 1 FROM mailbox WHERE run_id = ? LIMIT 1
-- name: insert_run
INSERT INTO runs (run_id, tenant, pack, pack_version, pack_digest, flow, flow_version, requested_by, status,
    created_at, updated_at, finished_at, run_seq, ready, slot_key, slot_limit, parent_run_id, parent_path,
    depth, handed_off_from, error, waiting_for, cell)
VALUES (:run_id, :tenant, :pack, :pack_version, :pack_digest, :flow, :flow_version, :requested_by, :status,
    :created_at, :updated_at, :finished_at, :run_seq, :ready, :slot_key, :slot_limit, :parent_run_id,
    :parent_path, :depth, :handed_off_from, :error, :waiting_for, :cell)
-- name: insert_step
INSERT INTO steps (run_id, path, first_seq, type, name, status, attempt, started_at, finished_at, input_seq,
    error_seq, child_run_id)
VALUES (:run_id, :path, :first_seq, :type, :name, :status, :attempt, :started_at, :finished_at, :input_seq,
    :error_seq, :child_run_id)
ON CONFLICT (run_id, path) DO UPDATE SET status = excluded.status,
    attempt = max(steps.attempt, excluded.attempt), finished_at = excluded.finished_at,
    started_at = coalesce(steps.started_at, excluded.started_at),
    input_seq = coalesce(excluded.input_seq, steps.input_seq), error_seq = excluded.error_seq,
    child_run_id = coalesce(excluded.child_run_id, steps.child_run_id), retry_at = NULL
-- name: insert_request
INSERT INTO requests (request_id, kind, status, run_id, step_id, risk, digest, opened_seq, requested_at,
    tenant, pack, flow, step)
VALUES (:request_id, :kind, :status, :run_id, :step_id, :risk, :digest, :opened_seq, :requested_at,
    :tenant, :pack, :flow, :step)
-- name: close_request
UPDATE requests SET status = ?, decided_at = coalesce(decided_at, ?) WHERE request_id = ?
-- name: select_request_status
SELECT kind, status, tenant FROM requests WHERE request_id = ?
-- name: count
INSERT INTO counters (name, n) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n
-- name: set_timer
INSERT INTO timers (run_id, timer, due) VALUES (?, ?, ?) ON CONFLICT (run_id, timer) DO UPDATE SET due = excluded.due
-- name: cancel_timer
DELETE FROM timers WHERE run_id = ? AND timer = ?
-- name: put_blob
INSERT INTO blobs (digest, data) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING
-- name: put_snapshot
INSERT INTO snapshots (run_id, run_seq, state) VALUES (?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET run_seq = excluded.run_seq, state = excluded.state
-- name: put_mail
INSERT INTO mailbox (run_id, input) VALUES (?, ?)
-- name: take_mail
DELETE FROM mailbox WHERE mail_id = ?
-- name: wake_run
UPDATE runs SET ready = 1 WHERE run_id = ?
-- name: pin_content
INSERT INTO pack_contents (digest, content) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING
-- name: select_idempotent
SELECT run_id, request_digest FROM idempotency WHERE tenant = ? AND key = ?
-- name: insert_idempotent
INSERT INTO idempotency (tenant, key, run_id, request_digest) VALUES (?, ?, ?, ?)
