-- name: put_worker
INSERT INTO workers (worker_id, host, pid, started_at, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (worker_id) DO UPDATE SET expires_at = excluded.expires_at
-- name: remove_worker
DELETE FROM workers WHERE worker_id = ?
-- name: forget_dead_workers
DELETE FROM workers WHERE expires_at < ? AND NOT EXISTS (SELECT 1 FROM runs WHERE ready = 1 AND lease_worker = workers.worker_id)
-- name: slots
SELECT r.slot_key, min(r.slot_limit) AS slot_limit, coalesce(c.n, 0)
    + sum(r.lease_worker IS NOT NULL
          AND r.lease_worker IN (SELECT worker_id FROM workers WHERE expires_at >= ?)
          AND r.status NOT IN ('RUNNING', 'RETRYING')) AS used
FROM runs r LEFT JOIN counters c ON c.name = 'slot:' || r.slot_key
WHERE r.ready = 1 AND r.slot_key IS NOT NULL GROUP BY r.slot_key
-- name: claimable
SELECT * FROM runs WHERE ready = 1 AND run_id > ?
    AND (lease_worker IS NULL OR lease_worker NOT IN (SELECT worker_id FROM workers WHERE expires_at >= ?))
    AND (slot_key IS NULL OR status IN ('RUNNING', 'RETRYING')
         OR slot_key NOT IN (SELECT value FROM json_each(?)))
ORDER BY run_id LIMIT ?
-- name: claimable_one
SELECT * FROM runs WHERE run_id = ? AND (lease_worker IS NULL
    OR lease_worker NOT IN (SELECT worker_id FROM workers WHERE expires_at >= ?))
-- name: take_lease
UPDATE runs SET lease_worker = ?, lease_epoch = lease_epoch + 1, ready = 1 WHERE run_id = ?
-- name: drop_lease
UPDATE runs SET lease_worker = NULL, ready = ? WHERE run_id = ? AND lease_epoch = ?
-- name: due_timers
SELECT run_id, timer, due FROM timers WHERE due <= ? ORDER BY due, run_id, timer LIMIT ?
-- name: next_timer
SELECT min(due) FROM timers
-- name: select_mail
SELECT mail_id, input FROM mailbox WHERE run_id = ? ORDER BY mail_id
-- name: mail_for_worker
SELECT m.mail_id, m.run_id, m.input FROM mailbox m JOIN runs r ON r.run_id = m.run_id
WHERE r.lease_worker = ? AND r.ready = 1 ORDER BY m.mail_id
-- name: select_snapshot
SELECT run_seq, state FROM snapshots WHERE run_id = ?
-- name: events_after
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events
WHERE run_id = ? AND run_seq > ? ORDER BY run_seq
-- name: any_held
SELECT 1 FROM runs WHERE ready = 1 AND lease_worker IS NOT NULL LIMIT 1
-- name: any_retrying
SELECT 1 FROM run_cells WHERE status = 'RETRYING' AND n > 0 LIMIT 1
