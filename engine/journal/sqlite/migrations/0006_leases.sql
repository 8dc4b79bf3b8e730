-- Leases end by the time since the machine was started (`expires_at`), which setting the clock does not
-- touch; `process` says which process of which boot the worker is. Workers from before are dead.
ALTER TABLE workers ADD COLUMN process TEXT NOT NULL DEFAULT '';
-- how far the wall clock was ahead of the time since the machine was started, in microseconds
CREATE TABLE clock_offsets (
    boot_id TEXT NOT NULL PRIMARY KEY,
    ahead   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
