-- name: select_run
-- the whole row of a run
SELECT * FROM runs WHERE run_id = ?

-- name: select_run_view
-- a run with its first event and its output
SELECT r.*, f.payload AS first_event, o.payload AS output_event FROM runs r
LEFT JOIN events f ON f.run_id = r.run_id AND f.run_seq = 1
LEFT JOIN events o ON o.run_id = r.run_id AND o.run_seq = r.output_seq
WHERE r.run_id = ?

-- name: select_tree_usage
-- what a run has used, of all runs above it and of all below those
WITH RECURSIVE above(run_id, parent) AS (
    SELECT run_id, parent_run_id FROM runs WHERE run_id = ?
    UNION ALL SELECT r.run_id, r.parent_run_id FROM runs r JOIN above a ON r.run_id = a.parent
), tree(run_id) AS (
    SELECT run_id FROM above WHERE parent IS NULL
    UNION ALL SELECT r.run_id FROM runs r JOIN tree t ON r.parent_run_id = t.run_id
)
SELECT coalesce(sum(steps_executed), 0) AS steps, coalesce(sum(tool_calls), 0) AS calls,
    coalesce(sum(tokens_used), 0) AS tokens
FROM runs WHERE run_id IN (SELECT run_id FROM tree)

-- name: select_successors
-- runs that took over from one
SELECT run_id, created_at FROM runs WHERE handed_off_from = ? ORDER BY run_id

-- name: select_session
-- runs of a session
SELECT run_id FROM runs WHERE session_id = ? ORDER BY run_id

-- name: page_steps
-- a page of the executions of a run with their values: CROSS JOIN, since the events that began them have the order
SELECT s.*, i.payload AS input_event, o.payload AS output_event, e.payload AS error_event
FROM events b CROSS JOIN steps s ON s.run_id = b.run_id AND s.path = b.step_id AND s.first_seq = b.run_seq
LEFT JOIN events i ON i.run_id = s.run_id AND i.run_seq = s.input_seq
LEFT JOIN events o ON o.run_id = s.run_id AND o.run_seq = s.output_seq
LEFT JOIN events e ON e.run_id = s.run_id AND e.run_seq = s.error_seq
WHERE b.run_id = ?1 AND b.run_seq > ?2 ORDER BY b.run_seq LIMIT ?3

-- name: page_steps_of_type
-- the same of a type: these are few, so that the events of the others are not looked at
SELECT s.*, i.payload AS input_event, o.payload AS output_event, e.payload AS error_event
FROM (
    SELECT * FROM steps WHERE run_id = ?1 AND type = ?4 AND first_seq > ?2 ORDER BY first_seq LIMIT ?3
) s
LEFT JOIN events i ON i.run_id = s.run_id AND i.run_seq = s.input_seq
LEFT JOIN events o ON o.run_id = s.run_id AND o.run_seq = s.output_seq
LEFT JOIN events e ON e.run_id = s.run_id AND e.run_seq = s.error_seq
ORDER BY s.first_seq

-- name: outermost_steps
-- paths of executions of a run, the outermost first, then as they began
SELECT path FROM steps WHERE run_id = ?
ORDER BY length(path) - length(replace(path, '/', '')), first_seq LIMIT ?

-- name: step_events
-- a page of what happened to some executions of a run, or to all, and to the run itself
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events
WHERE run_id = ?1 AND run_seq > ?3 AND run_seq <= ?4
    AND (?2 IS NULL OR step_id IS NULL OR step_id IN (SELECT value FROM json_each(?2)))
ORDER BY run_seq LIMIT ?5

-- name: select_steps_below
-- executions below some paths with their values: CROSS JOIN, as at paths; '0' comes after '/'
SELECT s.*, i.payload AS input_event, o.payload AS output_event, e.payload AS error_event
FROM json_each(?2) p
CROSS JOIN steps s ON s.run_id = ?1 AND s.path > p.value || '/' AND s.path < p.value || '0'
LEFT JOIN events i ON i.run_id = s.run_id AND i.run_seq = s.input_seq
LEFT JOIN events o ON o.run_id = s.run_id AND o.run_seq = s.output_seq
LEFT JOIN events e ON e.run_id = s.run_id AND e.run_seq = s.error_seq

-- name: select_steps_at
-- executions of some paths with their values: CROSS JOIN, since these are few of its many
SELECT s.*, i.payload AS input_event, o.payload AS output_event, e.payload AS error_event
FROM json_each(?2) p
CROSS JOIN steps s ON s.run_id = ?1 AND s.path = p.value
LEFT JOIN events i ON i.run_id = s.run_id AND i.run_seq = s.input_seq
LEFT JOIN events o ON o.run_id = s.run_id AND o.run_seq = s.output_seq
LEFT JOIN events e ON e.run_id = s.run_id AND e.run_seq = s.error_seq

-- name: count_scopes
-- how many scopes 0, 1, 2 ... of a path have a step: found by halves, however much lies in them
WITH RECURSIVE doubled(n) AS (
    SELECT 1
    UNION ALL
    SELECT n * 2 FROM doubled
    WHERE EXISTS (SELECT 1 FROM steps WHERE run_id = ?1 AND path = ?2 || '/' || (n - 1) || '/' || ?3)
), halved(least, step) AS (
    SELECT max(n) / 2, max(n) / 4 FROM doubled
    UNION ALL
    SELECT least + step * EXISTS (
        SELECT 1 FROM steps WHERE run_id = ?1 AND path = ?2 || '/' || (least + step - 1) || '/' || ?3
    ), step / 2 FROM halved WHERE step > 0
)
SELECT max(least) FROM halved

-- name: select_step_outputs
-- what some executions of a run brought: CROSS JOIN, since these are few of its many
SELECT s.path, o.payload FROM json_each(?2) p
CROSS JOIN steps s ON s.run_id = ?1 AND s.path = p.value
JOIN events o ON o.run_id = s.run_id AND o.run_seq = s.output_seq

-- name: page_events
-- a page of a run's history
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events
WHERE run_id = ? AND run_seq > ? ORDER BY run_seq LIMIT ?

-- name: feed_events
-- events of all runs after a place in the journal
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events WHERE seq > ? ORDER BY seq LIMIT ?

-- name: event_heads
-- whom the events after a place in the journal concern
SELECT e.seq, e.run_id, e.run_seq, e.kind, e.step_id, coalesce(r.tenant, '') AS tenant,
    CASE e.run_seq WHEN 1 THEN r.handed_off_from END AS handed_off_from
FROM events e LEFT JOIN runs r ON r.run_id = e.run_id WHERE e.seq > ? ORDER BY e.seq LIMIT ?

-- name: last_seq
-- the newest place in the journal
SELECT coalesce(max(seq), 0) FROM events

-- name: select_blob
-- a kept value
SELECT data FROM blobs WHERE digest = ?

-- name: select_blobs
-- some kept values
SELECT b.digest, b.data FROM json_each(?) d CROSS JOIN blobs b ON b.digest = d.value

-- name: select_content
-- a pack's content
SELECT content FROM pack_contents WHERE digest = ?

-- name: select_requests
-- requests as people see them: with their runs, their first events, and who looks at them
SELECT q.*, r.pack_version, r.pack_digest, r.requested_by, r.subject, v.payload AS opened_event, c.claimed_by,
    c.expires_at AS claimed_until,
    (SELECT coalesce(sum(s.recoveries), 0) FROM steps s WHERE s.run_id = q.run_id) AS recoveries,
    (SELECT d.payload FROM events d WHERE q.decision IS NOT NULL AND d.run_id = q.run_id
        AND d.run_seq > q.opened_seq AND d.kind = 'approval_decided' AND d.step_id = q.step_id
        ORDER BY d.run_seq LIMIT 1) AS decided_event
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
LEFT JOIN claims c ON c.request_id = q.request_id
WHERE q.request_id IN (SELECT value FROM json_each(?))

-- name: page_requests
-- a page of the inbox of all tenants
SELECT q.*, r.pack_version, r.pack_digest, r.requested_by, r.subject, v.payload AS opened_event, c.claimed_by,
    c.expires_at AS claimed_until
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
LEFT JOIN claims c ON c.request_id = q.request_id
WHERE q.kind = ? AND q.status = ? AND q.request_id > ? ORDER BY q.request_id LIMIT ?

-- name: page_tenant_requests
-- a page of one tenant's inbox
SELECT q.*, r.pack_version, r.pack_digest, r.requested_by, r.subject, v.payload AS opened_event, c.claimed_by,
    c.expires_at AS claimed_until
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
LEFT JOIN claims c ON c.request_id = q.request_id
WHERE q.tenant = ? AND q.kind = ? AND q.status = ? AND q.request_id > ? ORDER BY q.request_id LIMIT ?

-- name: decided_requests
-- what was decided before on the same step of the same flow
SELECT q.*, r.pack_version, r.pack_digest, r.requested_by, r.subject, v.payload AS opened_event, c.claimed_by,
    c.expires_at AS claimed_until
FROM requests o JOIN requests q ON q.tenant = o.tenant AND q.pack = o.pack AND q.flow = o.flow
    AND q.step = o.step AND q.decision IS NOT NULL
JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
LEFT JOIN claims c ON c.request_id = q.request_id
WHERE o.request_id = ? AND q.kind = o.kind AND q.request_id <> o.request_id
    AND q.decided_at <= coalesce(o.decided_at, q.decided_at)
ORDER BY q.decided_at DESC, q.request_id DESC LIMIT ?

-- name: page_all_requests
-- a page of requests of every status
SELECT q.*, r.pack_version, r.pack_digest, r.requested_by, r.subject, v.payload AS opened_event, c.claimed_by,
    c.expires_at AS claimed_until
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
LEFT JOIN claims c ON c.request_id = q.request_id
WHERE q.request_id IN (
    SELECT request_id FROM requests WHERE kind = ? AND request_id > ? ORDER BY request_id LIMIT ?)
ORDER BY q.request_id

-- name: run_requests
-- a page of what one run has asked
SELECT q.*, r.pack_version, r.pack_digest, r.requested_by, r.subject, v.payload AS opened_event, c.claimed_by,
    c.expires_at AS claimed_until
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
LEFT JOIN claims c ON c.request_id = q.request_id
WHERE q.run_id = ?1 AND q.request_id > ?2 AND q.kind = ?3 AND (?4 IS NULL OR q.status = ?4)
    AND (?5 IS NULL OR q.tenant = ?5)
ORDER BY q.request_id LIMIT ?6

-- name: select_comments
-- what people said with their decisions on what some runs asked
SELECT run_id, step_id, comment, decision, decided_by, decided_at FROM requests INDEXED BY requests_run
WHERE run_id IN (SELECT value FROM json_each(?)) AND kind <> ? AND comment IS NOT NULL ORDER BY decided_at, request_id

-- name: run_requests_below
-- what steps below some paths of one run have asked
WITH below AS MATERIALIZED (SELECT value || '/' AS low, value || '0' AS high FROM json_each(?2))
SELECT q.*, r.pack_version, r.pack_digest, r.requested_by, r.subject, v.payload AS opened_event, c.claimed_by,
    c.expires_at AS claimed_until
FROM requests q INDEXED BY requests_run
CROSS JOIN below b ON q.step_id > b.low AND q.step_id < b.high
JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
LEFT JOIN claims c ON c.request_id = q.request_id
WHERE q.run_id = ?1 AND (?3 IS NULL OR q.status = ?3) ORDER BY q.request_id

-- name: time_limits_above
-- what started some runs and the runs above them, with the times that their steps and they themselves have
WITH RECURSIVE above(run_id) AS (
    SELECT value FROM json_each(?)
    UNION SELECT r.parent_run_id FROM above a JOIN runs r ON r.run_id = a.run_id
        WHERE r.parent_run_id IS NOT NULL
)
SELECT r.run_id, r.parent_run_id, r.parent_path, t.timer, t.due FROM above a JOIN runs r ON r.run_id = a.run_id
LEFT JOIN timers t ON t.run_id = r.run_id AND (t.timer = 'max_duration' OR t.timer GLOB 'timeout:*')

-- name: runs_by_id
-- the rows of a page of the runs list, with how many runs each of them started
SELECT r.*, (SELECT count(*) FROM runs c WHERE c.parent_run_id = r.run_id) AS children
FROM runs r WHERE r.run_id IN (SELECT value FROM json_each(?))

-- name: ends_of_buckets
-- the moments between which runs of some count buckets were created
SELECT min(oldest), max(newest) FROM (
    SELECT (SELECT min(created_at) FROM runs INDEXED BY runs_bucket WHERE bucket = value) AS oldest,
        (SELECT max(created_at) FROM runs INDEXED BY runs_bucket WHERE bucket = value) AS newest
    FROM json_each(?))

-- name: count_time_buckets
-- how many runs whole time buckets hold
SELECT coalesce(sum(n), 0) FROM run_time_buckets
WHERE bucket IN (SELECT value FROM json_each(?)) AND time_bucket > ? AND time_bucket < ?

-- name: runs_by_status
-- how many runs have each status, of one tenant or of all
SELECT status, sum(n) AS n FROM run_buckets WHERE n > 0 AND (? IS NULL OR tenant = ?) GROUP BY status

-- name: select_buckets
-- count buckets that hold runs, of one tenant or of all
SELECT bucket, tenant, pack, flow, status, rejected, nested, n FROM run_buckets WHERE n > 0 AND (:tenant IS NULL OR tenant = :tenant)

-- name: count_failed
-- how many runs failed after a moment, of one tenant or of all; what a person rejected has not failed
SELECT count(*) FROM runs INDEXED BY runs_ended
WHERE finished_at > :after AND (:tenant IS NULL OR tenant = :tenant) AND status IN ('FAILED', 'DEAD_LETTER')
    AND error_code IS NOT 'approval_rejected'

-- name: ids_by_parent
-- runs that the steps of a run started
SELECT run_id FROM runs WHERE parent_run_id = :parent

-- name: ids_by_error
-- runs that failed for one reason
SELECT run_id FROM runs WHERE error_code = :error

-- name: ids_by_end
-- runs that ended between two moments
SELECT run_id FROM runs INDEXED BY runs_ended WHERE finished_at > :ended_after AND finished_at < :ended_before

-- name: ids_by_words
-- runs with some words, by their beginnings: by the index, and by looking through what is not in it
SELECT t.run_id FROM run_words w CROSS JOIN run_texts t ON t.doc = w.rowid
WHERE run_words MATCH :match
UNION ALL SELECT u.run_id FROM unindexed_words u
WHERE NOT EXISTS (SELECT 1 FROM json_each(:words) q WHERE instr(u.words, ' ' || q.value) = 0)

-- name: ids_of_nothing
-- no run, for a text that holds no word
SELECT run_id FROM run_texts WHERE 0

-- name: ids_by_words_read
-- the same where there is no index
SELECT t.run_id FROM (SELECT * FROM unindexed_words UNION ALL SELECT run_id, words FROM run_texts) t
WHERE NOT EXISTS (SELECT 1 FROM json_each(:words) q WHERE instr(t.words, ' ' || q.value) = 0)

-- name: select_requesters
-- names that have runs and hold a text
SELECT DISTINCT requested_by FROM run_requesters
WHERE (:tenant IS NULL OR tenant = :tenant) AND instr(lower(requested_by), :text) > 0
ORDER BY requested_by LIMIT :limit

-- name: find_events
-- numbers of a run's events that fit a filter
SELECT run_seq FROM events WHERE run_id = :run_id AND run_seq > :after AND run_seq <= :until
    AND (:kind IS NULL OR instr(lower(kind), :kind) > 0)
    AND (:step IS NULL OR instr(lower(coalesce(step_id, '')), :step) > 0)
    AND (:actor IS NULL OR instr(lower(actor), :actor) > 0)
    AND (:text IS NULL OR instr(lower(payload), :text) > 0 OR instr(lower(kind), :text) > 0
         OR instr(lower(coalesce(step_id, '')), :text) > 0 OR instr(lower(actor), :text) > 0)
ORDER BY run_seq

-- name: select_step_heads
-- executions of a run without their values
SELECT path, first_seq, type, name, status, started_at, finished_at, child_run_id, recoveries
FROM steps WHERE run_id = ? ORDER BY first_seq LIMIT ?

-- name: select_step_heads_at
-- some executions of a run without their values: CROSS JOIN, since these are few of its many
SELECT s.path, s.first_seq, s.type, s.name, s.status, s.started_at, s.finished_at, s.child_run_id, s.recoveries
FROM json_each(?2) p CROSS JOIN steps s ON s.run_id = ?1 AND s.path = p.value

-- name: count_steps
-- how many executions a run has
SELECT count(*) FROM steps WHERE run_id = ?

-- name: select_claims_version
-- a number that grows with every change to claims
SELECT n FROM counters WHERE name = 'claims'

-- name: select_counters
-- all counters
SELECT name, n FROM counters

-- name: select_workers
-- registered workers, and how many runs each holds
SELECT w.worker_id, w.host, w.pid, w.process, w.expires_at,
    (SELECT count(*) FROM runs r WHERE r.ready = 1 AND r.lease_worker = w.worker_id) AS runs_held
FROM workers w ORDER BY w.worker_id

-- name: select_all_mail
-- everything that waits, and what was set aside because it cannot be read
SELECT mail_id, run_id, input, 0 AS unread FROM mailbox UNION ALL SELECT mail_id, run_id, input, 1 FROM mailbox_unread

-- name: select_request_openings
-- requests with the event that opened them: all, or those that wait
SELECT q.request_id, q.kind, q.run_id, v.payload FROM requests q
LEFT JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
WHERE :every OR q.status = 'PENDING' ORDER BY q.request_id

-- name: select_run_ends
-- how far runs have come: all, or those that are not over
SELECT run_id, run_seq, status FROM runs
WHERE :every OR status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'DEAD_LETTER') ORDER BY run_id

-- name: runs_like
-- ids of runs that are, begin or end with a part
SELECT run_id FROM runs
WHERE (substr(run_id, 1, :length) = :part OR substr(run_id, -:length) = :part
       OR substr(run_id, instr(run_id, '_') + 1, :length) = :part)
    AND (:tenant IS NULL OR tenant = :tenant)
ORDER BY run_id DESC LIMIT :limit

-- name: requests_like
-- likewise of requests
SELECT request_id FROM requests
WHERE (substr(request_id, 1, :length) = :part OR substr(request_id, -:length) = :part
       OR substr(request_id, instr(request_id, '_') + 1, :length) = :part)
    AND (:tenant IS NULL OR tenant = :tenant)
ORDER BY request_id DESC LIMIT :limit
