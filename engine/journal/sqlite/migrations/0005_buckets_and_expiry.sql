-- What the runs list is counted by: a count bucket holds the runs of one tenant, pack, flow and status,
-- a time bucket those of a count bucket that were created in the same four hours.
ALTER TABLE run_cells RENAME TO run_buckets;
ALTER TABLE run_buckets RENAME COLUMN cell TO bucket;
ALTER TABLE run_periods RENAME TO run_time_buckets;
ALTER TABLE run_time_buckets RENAME COLUMN cell TO bucket;
ALTER TABLE run_time_buckets RENAME COLUMN period TO time_bucket;
ALTER TABLE runs RENAME COLUMN cell TO bucket;
DROP INDEX runs_cell;
-- every list in the order of time
CREATE INDEX runs_bucket ON runs (bucket, created_at, run_id);
-- until when a request can be answered; none for ever
ALTER TABLE requests ADD COLUMN expires_at INTEGER;
UPDATE requests SET expires_at = (
    SELECT t.due FROM timers t WHERE t.run_id = requests.run_id AND t.timer = 'timeout:' || requests.step_id)
WHERE status = 'PENDING';
