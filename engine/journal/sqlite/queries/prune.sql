-- name: select_prunable
-- runs that nobody started from another and that are over and at rest, by id
SELECT run_id FROM runs
WHERE run_id > :after AND parent_run_id IS NULL AND ready = 0 AND lease_worker IS NULL
    AND finished_at < :before AND (:tenant IS NULL OR tenant = :tenant)
    AND (:pack IS NULL OR pack = :pack) AND status IN (SELECT value FROM json_each(:statuses))
    AND (:rejected IS NULL OR status <> 'FAILED' OR (error_code IS 'approval_rejected') = :rejected)
ORDER BY run_id LIMIT :limit

-- name: select_tree
-- a run and all that were started below it, the run first
WITH RECURSIVE tree(run_id) AS (
    SELECT run_id FROM runs WHERE run_id = ?
    UNION SELECT r.run_id FROM runs r JOIN tree t ON r.parent_run_id = t.run_id
)
SELECT r.* FROM runs r JOIN tree t ON t.run_id = r.run_id ORDER BY r.depth, r.run_id

-- name: any_asks
-- whether one of some runs waits for a person
SELECT 1 FROM requests WHERE run_id IN (SELECT value FROM json_each(?)) AND status = 'PENDING' LIMIT 1

-- name: newest_run
-- the run of the newest event
SELECT run_id FROM events ORDER BY seq DESC LIMIT 1

-- name: prune_claims
-- who looked at what some runs asked
DELETE FROM claims WHERE request_id IN (
    SELECT request_id FROM requests WHERE run_id IN (SELECT value FROM json_each(?)))

-- name: prune_requests
-- what some runs asked
DELETE FROM requests WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_steps
-- executions of some runs
DELETE FROM steps WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_events
-- histories of some runs
DELETE FROM events WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_snapshots
-- snapshots of some runs
DELETE FROM snapshots WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_timers
-- timers of some runs
DELETE FROM timers WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_mail
-- inputs that some runs never took in
DELETE FROM mailbox WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_unread_mail
-- inputs of some runs that were set aside
DELETE FROM mailbox_unread WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_keys
-- idempotency keys that stood for some runs
DELETE FROM idempotency WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_holds
-- what was held for calls of some runs that nobody has counted
DELETE FROM holds WHERE run_id IN (SELECT value FROM json_each(?))

-- name: prune_runs
-- the rows of some runs
DELETE FROM runs WHERE run_id IN (SELECT value FROM json_each(?))

-- name: referring_events
-- payloads of later events that refer to kept values
SELECT seq, payload FROM events WHERE seq > ? AND seq <= ? AND (instr(payload, '"$blob":') > 0 OR instr(payload, '"$image":') > 0)
ORDER BY seq

-- name: select_digests
-- digests of all kept values
SELECT digest FROM blobs

-- name: blob_size
-- bytes of a kept value
SELECT length(data) FROM blobs WHERE digest = ?

-- name: drop_blob
-- forget a kept value
DELETE FROM blobs WHERE digest = ?

-- name: count_runs
-- how many runs there are
SELECT count(*) FROM runs

-- name: contents
-- bytes of what a journal holds most of
SELECT (SELECT coalesce(sum(length(payload)), 0) FROM events) AS events,
    (SELECT coalesce(sum(length(data)), 0) FROM blobs) AS kept_values,
    (SELECT coalesce(sum(length(state)), 0) FROM snapshots) AS snapshots,
    (SELECT coalesce(sum(length(content)), 0) FROM pack_contents) AS pack_contents

-- name: count_old_alerts
-- alerts of service levels of a tenant, or of all (NULL), that ended before a moment
SELECT count(*) FROM alerts WHERE ends IS NOT NULL AND ts < :before AND (:tenant IS NULL OR tenant = :tenant)

-- name: prune_alerts
-- that these began, and that they ended
DELETE FROM alerts WHERE coalesce(ends, alert) IN (
    SELECT ends FROM alerts WHERE ends IS NOT NULL AND ts < :before AND (:tenant IS NULL OR tenant = :tenant))
