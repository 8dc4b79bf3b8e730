-- name: insert_event
-- one event of a run; the unique index on run_seq refuses a number that is taken
INSERT INTO events (run_id, run_seq, ts, kind, step_id, actor, payload) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: select_head
-- what a transition is compared with: sequence, lease, newest mail, and what counts the run
SELECT run_id, run_seq, lease_epoch, lease_worker, status, ready, slot_key, started_at, finished_at, error_code, output_seq,
    tenant, pack, flow, parent_run_id, bucket, created_at, updated_at, worked, counted_at, confidence, waiting_for,
    waiting_for_id, (SELECT max(mail_id) FROM mailbox WHERE mailbox.run_id = runs.run_id) AS newest_mail
FROM runs WHERE run_id = ?

-- name: find_bucket
-- the count bucket of runs that are alike
SELECT bucket FROM run_buckets
WHERE tenant = ? AND pack = ? AND flow = ? AND status = ? AND rejected = ? AND nested = ?

-- name: make_bucket
-- a new one, with no runs in it
INSERT INTO run_buckets (tenant, pack, flow, status, rejected, nested, n) VALUES (?, ?, ?, ?, ?, ?, 0)
RETURNING bucket

-- name: count_bucket
-- move the count of a count bucket
UPDATE run_buckets SET n = n + ? WHERE bucket = ?

-- name: count_time_bucket
-- move the count of a time bucket
INSERT INTO run_time_buckets (bucket, time_bucket, n) VALUES (?, ?, ?) ON CONFLICT (bucket, time_bucket) DO UPDATE SET n = n + excluded.n

-- name: know_requester
-- remember a name that has runs, for the search by name
INSERT INTO run_requesters (tenant, requested_by) VALUES (?, ?) ON CONFLICT DO NOTHING

-- name: has_mail
-- whether inputs wait for a run
SELECT 1 FROM mailbox WHERE run_id = ? LIMIT 1

-- name: insert_run
-- a new run
INSERT INTO runs (run_id, tenant, pack, pack_version, pack_digest, flow, flow_version, requested_by, subject,
    status, created_at, updated_at, finished_at, run_seq, ready, lease_worker, lease_epoch, slot_key, slot_limit,
    parent_run_id, parent_path, depth, handed_off_from, error, error_code, waiting_for, waiting_for_id, trace_id, session_id,
    autonomy_level, bucket)
VALUES (:run_id, :tenant, :pack, :pack_version, :pack_digest, :flow, :flow_version, :requested_by, :subject,
    :status, :created_at, :updated_at, :finished_at, :run_seq, :ready, :lease_worker, :lease_epoch, :slot_key,
    :slot_limit, :parent_run_id, :parent_path, :depth, :handed_off_from, :error, :error_code, :waiting_for, :waiting_for_id, :trace_id,
    :session_id, :autonomy_level, :bucket)

-- name: has_full_text_search
-- whether SQLite has full-text search
SELECT 1 FROM pragma_module_list WHERE name = 'fts5'

-- name: make_word_index
-- the words of runs that have ended; they are kept once, in run_texts
CREATE VIRTUAL TABLE IF NOT EXISTS run_words USING fts5(
    words, content = 'run_texts', content_rowid = 'doc', detail = none, columnsize = 0, tokenize = 'ascii')

-- name: has_word_index
-- whether that index is there
SELECT 1 FROM sqlite_schema WHERE name = 'run_words'

-- name: put_unindexed_words
-- the words of a run that no index has, in place of those before
INSERT INTO unindexed_words (run_id, words) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET words = excluded.words

-- name: put_words
-- the words of a run that the index has
INSERT INTO run_texts (run_id, words) VALUES (?, ?) RETURNING doc

-- name: index_words
-- the same in the index
INSERT INTO run_words (rowid, words) VALUES (?, ?)

-- name: indexed_words
-- what the index has of some runs
SELECT doc, words FROM run_texts WHERE run_id IN (SELECT value FROM json_each(?))

-- name: unindex_words
-- take words out of the index
INSERT INTO run_words (run_words, rowid, words) VALUES ('delete', ?, ?)

-- name: drop_words
-- forget the words of some runs
DELETE FROM run_texts WHERE run_id IN (SELECT value FROM json_each(?))

-- name: drop_unindexed_words
-- forget those of one run that no index has
DELETE FROM unindexed_words WHERE run_id = ?

-- name: drop_all_unindexed_words
-- the same of some runs
DELETE FROM unindexed_words WHERE run_id IN (SELECT value FROM json_each(?))

-- name: insert_step
-- an execution that begins; nothing when it is there
INSERT INTO steps (run_id, path, first_seq, type, name, status, attempt, started_at, finished_at, input_seq,
    error_seq, child_run_id)
VALUES (:run_id, :path, :first_seq, :type, :name, :status, :attempt, :started_at, :finished_at, :input_seq,
    :error_seq, :child_run_id)
ON CONFLICT (run_id, path) DO NOTHING

-- name: select_step_row
-- an execution as it is, before it begins again
SELECT * FROM steps WHERE run_id = ? AND path = ?

-- name: select_stated
-- what agents of a run stated of their confidence
SELECT path, confidence, least_confidence FROM steps WHERE run_id = ? AND confidence IS NOT NULL

-- name: insert_request
-- a question to a person
INSERT INTO requests (request_id, kind, status, run_id, step_id, risk, digest, opened_seq, requested_at,
    expires_at, tenant, pack, flow, step)
VALUES (:request_id, :kind, :status, :run_id, :step_id, :risk, :digest, :opened_seq, :requested_at,
    :expires_at, :tenant, :pack, :flow, :step)

-- name: select_request_row
-- a request as it is, before it is decided, claimed or ended
SELECT * FROM requests WHERE request_id = ?

-- name: count
-- move a counter
INSERT INTO counters (name, n) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n

-- name: set_timer
-- set a timer, or move it
INSERT INTO timers (run_id, timer, due) VALUES (?, ?, ?) ON CONFLICT (run_id, timer) DO UPDATE SET due = excluded.due

-- name: cancel_timer
-- take a timer away
DELETE FROM timers WHERE run_id = ? AND timer = ?

-- name: put_blob
-- keep a value by digest
INSERT INTO blobs (digest, data) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING

-- name: put_snapshot
-- keep the newest snapshot of a run's state
INSERT INTO snapshots (run_id, run_seq, state) VALUES (?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET run_seq = excluded.run_seq, state = excluded.state

-- name: put_mail
-- an input for a run
INSERT INTO mailbox (run_id, input) VALUES (?, ?)

-- name: take_mail
-- forget an input that was worked in
DELETE FROM mailbox WHERE mail_id = ?

-- name: wake_run
-- a worker may take this run
UPDATE runs SET ready = 1 WHERE run_id = ?

-- name: pin_content
-- keep a pack's content by digest
INSERT INTO pack_contents (digest, content) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING

-- name: select_key
-- the run that an idempotency key started
SELECT run_id, request_digest FROM idempotency WHERE tenant = ? AND key = ?

-- name: insert_key
-- let an idempotency key stand for a run
INSERT INTO idempotency (tenant, key, run_id, request_digest) VALUES (?, ?, ?, ?)
