-- What runs are looked for by: why they failed, when they ended, which run started them.
ALTER TABLE runs ADD COLUMN error_code TEXT;
UPDATE runs SET error_code = json_extract(error, '$.code') WHERE error IS NOT NULL AND json_valid(error);
-- runs that failed for one reason
CREATE INDEX runs_error ON runs (error_code) WHERE error_code IS NOT NULL;
-- runs that ended between two moments, and how many of them failed
CREATE INDEX runs_ended ON runs (finished_at, tenant, status, error_code) WHERE finished_at IS NOT NULL;

-- a count bucket tells runs that a person rejected from those that failed, and runs that another one started
CREATE TABLE buckets_told_apart (
    bucket   INTEGER PRIMARY KEY,
    tenant   TEXT NOT NULL,
    pack     TEXT NOT NULL,
    flow     TEXT NOT NULL,
    status   TEXT NOT NULL,
    rejected INTEGER NOT NULL DEFAULT 0,
    nested   INTEGER NOT NULL DEFAULT 0,
    n        INTEGER NOT NULL,
    UNIQUE (tenant, pack, flow, status, rejected, nested)
) STRICT;
INSERT INTO buckets_told_apart (bucket, tenant, pack, flow, status, n)
SELECT bucket, tenant, pack, flow, status, 0 FROM run_buckets;
INSERT OR IGNORE INTO buckets_told_apart (tenant, pack, flow, status, rejected, nested, n)
SELECT DISTINCT tenant, pack, flow, status, status = 'FAILED' AND error_code IS 'approval_rejected',
    parent_run_id IS NOT NULL, 0
FROM runs WHERE parent_run_id IS NOT NULL OR error_code = 'approval_rejected';
DROP TABLE run_buckets;
ALTER TABLE buckets_told_apart RENAME TO run_buckets;
UPDATE runs SET bucket = (
    SELECT b.bucket FROM run_buckets b
    WHERE b.tenant = runs.tenant AND b.pack = runs.pack AND b.flow = runs.flow AND b.status = runs.status
        AND b.rejected = (runs.status = 'FAILED' AND runs.error_code IS 'approval_rejected')
        AND b.nested = (runs.parent_run_id IS NOT NULL))
WHERE parent_run_id IS NOT NULL OR error_code = 'approval_rejected';
UPDATE run_buckets SET n = (SELECT count(*) FROM runs INDEXED BY runs_bucket WHERE bucket = run_buckets.bucket);
DELETE FROM run_time_buckets;
INSERT INTO run_time_buckets (bucket, time_bucket, n)
SELECT bucket, created_at / 14400000000, count(*) FROM runs GROUP BY bucket, created_at / 14400000000;
