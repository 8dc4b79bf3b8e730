-- name: select_run
SELECT * FROM runs WHERE run_id = ?
-- name: select_run_view
SELECT r.*, f.payload AS first_event, o.payload AS output_event FROM runs r
LEFT JOIN events f ON f.run_id = r.run_id AND f.run_seq = 1
LEFT JOIN events o ON o.run_id = r.run_id AND o.run_seq = r.output_seq
WHERE r.run_id = ?
-- name: select_steps
SELECT s.*, i.payload AS input_event, o.payload AS output_event, e.payload AS error_event
FROM steps s
LEFT JOIN events i ON i.run_id = s.run_id AND i.run_seq = s.input_seq
LEFT JOIN events o ON o.run_id = s.run_id AND o.run_seq = s.output_seq
LEFT JOIN events e ON e.run_id = s.run_id AND e.run_seq = s.error_seq
WHERE s.run_id = ? ORDER BY s.first_seq
-- name: select_step
SELECT s.*, i.payload AS input_event, o.payload AS output_event, e.payload AS error_event
FROM steps s
LEFT JOIN events i ON i.run_id = s.run_id AND i.run_seq = s.input_seq
LEFT JOIN events o ON o.run_id = s.run_id AND o.run_seq = s.output_seq
LEFT JOIN events e ON e.run_id = s.run_id AND e.run_seq = s.error_seq
WHERE s.run_id = ? AND s.path = ?
-- name: page_events
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events
WHERE run_id = ? AND run_seq > ? ORDER BY run_seq LIMIT ?
-- name: feed_events
SELECT seq, run_id, run_seq, ts, kind, step_id, actor, payload FROM events WHERE seq > ? ORDER BY seq LIMIT ?
-- name: last_seq
SELECT coalesce(max(seq), 0) FROM events
-- name: select_blob
SELECT data FROM blobs WHERE digest = ?
-- name: select_content
SELECT content FROM pack_contents WHERE digest = ?
-- name: select_request
SELECT q.*, r.tenant, r.pack, r.pack_version, r.flow, r.requested_by, v.payload AS opened_event
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
WHERE q.request_id = ?
-- name: page_requests
SELECT q.*, r.tenant, r.pack, r.pack_version, r.flow, r.requested_by, v.payload AS opened_event
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
WHERE q.kind = ? AND q.status = ? AND q.request_id > ? ORDER BY q.request_id LIMIT ?
-- name: page_all_requests
SELECT q.*, r.tenant, r.pack, r.pack_version, r.flow, r.requested_by, v.payload AS opened_event
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
WHERE q.request_id IN (
    SELECT request_id FROM requests WHERE kind = ? AND request_id > ? ORDER BY request_id LIMIT ?)
ORDER BY q.request_id
-- name: run_requests
SELECT q.*, r.tenant, r.pack, r.pack_version, r.flow, r.requested_by, v.payload AS opened_event
FROM requests q JOIN runs r ON r.run_id = q.run_id
JOIN events v ON v.run_id = q.run_id AND v.run_seq = q.opened_seq
WHERE q.run_id = ? AND q.kind = ? ORDER BY q.request_id
-- name: select_counters
SELECT name, n FROM counters
-- name: select_workers
SELECT w.worker_id, w.host, w.pid, w.expires_at,
    (SELECT count(*) FROM runs r WHERE r.ready = 1 AND r.lease_worker = w.worker_id) AS runs_held
FROM workers w ORDER BY w.worker_id
