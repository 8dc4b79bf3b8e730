-- name: put_worker
-- register a worker, or prolong its leases
INSERT INTO workers (worker_id, host, pid, process, started_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (worker_id) DO UPDATE SET expires_at = excluded.expires_at

-- name: end_leases
-- let the leases of workers that are known to be dead end at once
UPDATE workers SET expires_at = -1 WHERE worker_id IN (SELECT value FROM json_each(?))

-- name: clock_offset
-- how far the wall clock was ahead in a boot of the machine
SELECT ahead FROM clock_offsets WHERE boot_id = ?

-- name: put_clock_offset
-- note how far the wall clock is ahead
INSERT INTO clock_offsets (boot_id, ahead) VALUES (?, ?)
ON CONFLICT (boot_id) DO UPDATE SET ahead = excluded.ahead

-- name: move_timers
-- the clock was set: what is to come comes after the same time as before, but a moment of the clock stays
UPDATE timers SET due = due + ? WHERE timer NOT GLOB 'until:*'

-- name: move_request_expiry
-- likewise for requests that wait
UPDATE requests SET expires_at = expires_at + ? WHERE status = 'PENDING' AND expires_at IS NOT NULL

-- name: move_claims
-- likewise for whoever looks at one
UPDATE claims SET expires_at = expires_at + ?

-- name: remove_worker
-- forget a worker
DELETE FROM workers WHERE worker_id = ?

-- name: forget_dead_workers
-- forget workers whose leases have ended and that hold nothing
DELETE FROM workers WHERE expires_at < ? AND NOT EXISTS (SELECT 1 FROM runs WHERE ready = 1 AND lease_worker = workers.worker_id)

-- name: slots
-- limited flows with runs that have work: their limit, and the slots that are used
SELECT r.slot_key, min(r.slot_limit) AS slot_limit, coalesce(c.n, 0)
    + sum(r.lease_worker IS NOT NULL
          AND r.lease_worker IN (SELECT worker_id FROM workers WHERE expires_at >= ?)
          AND r.status NOT IN ('RUNNING', 'RETRYING')) AS used
FROM runs r LEFT JOIN counters c ON c.name = 'slot:' || r.slot_key
WHERE r.ready = 1 AND r.slot_key IS NOT NULL AND r.slot_limit IS NOT NULL GROUP BY r.slot_key

-- name: claimable
-- runs that have work, that no living worker holds and whose flow has a slot; a damaged id is none
SELECT * FROM runs WHERE ready = 1 AND run_id > ? AND run_id NOT GLOB '*[^0-9A-Za-z_-]*'
    AND (lease_worker IS NULL OR lease_worker NOT IN (SELECT worker_id FROM workers WHERE expires_at >= ?))
    AND (slot_key IS NULL OR status IN ('RUNNING', 'RETRYING')
         OR slot_key NOT IN (SELECT value FROM json_each(?)))
    AND run_id NOT IN (SELECT value FROM json_each(?))
ORDER BY run_id LIMIT ?

-- name: claimable_run
-- one run, unless a living worker holds it
SELECT * FROM runs WHERE run_id = ? AND (lease_worker IS NULL
    OR lease_worker NOT IN (SELECT worker_id FROM workers WHERE expires_at >= ?))

-- name: take_lease
-- give a run to a worker under the next epoch
UPDATE runs SET lease_worker = ?, lease_epoch = lease_epoch + 1, ready = 1 WHERE run_id = ?

-- name: drop_lease
-- take a run from its worker, under its own epoch only
UPDATE runs SET lease_worker = NULL, ready = ? WHERE run_id = ? AND lease_epoch = ?

-- name: due_timers
-- timers that are due, the oldest first; a damaged name is none
SELECT run_id, timer, due FROM timers WHERE due <= ? AND run_id NOT GLOB '*[^0-9A-Za-z_-]*' AND timer NOT GLOB '*[^ -~]*'
ORDER BY due, run_id, timer LIMIT ?

-- name: select_odd_timers
-- timers with a damaged name
SELECT CAST(run_id AS BLOB), CAST(timer AS BLOB) FROM timers
WHERE run_id GLOB '*[^0-9A-Za-z_-]*' OR timer GLOB '*[^ -~]*'

-- name: timer
-- when a timer is due
SELECT due FROM timers WHERE run_id = ? AND timer = ?

-- name: timers_of
-- timers of one kind
SELECT run_id, timer, due FROM timers WHERE timer GLOB ? ORDER BY run_id, timer

-- name: next_timer
-- when the next timer is due; a damaged name is none
SELECT due FROM timers WHERE run_id NOT GLOB '*[^0-9A-Za-z_-]*' AND timer NOT GLOB '*[^ -~]*' ORDER BY due LIMIT 1

-- name: select_mail
-- inputs that wait for a run
SELECT mail_id, input FROM mailbox WHERE run_id = ? ORDER BY mail_id

-- name: mail_below
-- inputs that wait for the runs below one that go on: these are few, those that have ended and the whole mailbox may be many
WITH RECURSIVE below(run_id) AS (
    SELECT run_id FROM runs WHERE parent_run_id = ? AND finished_at IS NULL
    UNION ALL SELECT r.run_id FROM below b JOIN runs r ON r.parent_run_id = b.run_id WHERE r.finished_at IS NULL
)
SELECT m.mail_id, m.run_id, m.input FROM below b CROSS JOIN mailbox m ON m.run_id = b.run_id ORDER BY m.mail_id

-- name: mail_for_worker
-- inputs that wait for the runs a worker holds
SELECT m.mail_id, m.run_id, m.input FROM mailbox m JOIN runs r ON r.run_id = m.run_id
WHERE r.lease_worker = ? AND r.ready = 1 ORDER BY m.mail_id

-- name: select_snapshot
-- the newest snapshot of a run's state
SELECT run_seq, state FROM snapshots WHERE run_id = ?

-- name: events_after
-- a run's history after a number
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events
WHERE run_id = ? AND run_seq > ? ORDER BY run_seq

-- name: first_event
-- the first event of some kinds in a run's history
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events
WHERE run_id = ?1 AND kind IN (SELECT value FROM json_each(?2)) ORDER BY run_seq LIMIT 1

-- name: at_work
-- whether a worker holds a run, or a run waits for its retry; one that is damaged does not go on
SELECT 1 WHERE EXISTS (SELECT 1 FROM runs WHERE ready = 1 AND lease_worker IS NOT NULL
        AND run_id NOT GLOB '*[^0-9A-Za-z_-]*' AND run_id NOT IN (SELECT value FROM json_each(?)))
    OR (SELECT coalesce(sum(n), 0) FROM run_buckets WHERE status = 'RETRYING')
        > (SELECT count(*) FROM runs WHERE status = 'RETRYING' AND run_id IN (SELECT value FROM json_each(?)))

-- name: keep_unread_mail
-- an input that cannot be read is kept for whoever looks into it
INSERT INTO mailbox_unread (mail_id, run_id, input) SELECT mail_id, run_id, input FROM mailbox WHERE mail_id = ?
