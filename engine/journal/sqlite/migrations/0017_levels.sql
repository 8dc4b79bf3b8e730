-- how long a run worked (microseconds), and when its service level counted it; runs that ended before were not counted
ALTER TABLE runs ADD COLUMN worked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN counted_at INTEGER;

-- service levels: what ended in a stretch of time (start and width in microseconds), by tenant and pack
CREATE TABLE levels (
    tenant   TEXT NOT NULL,
    pack     TEXT NOT NULL,
    start    INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    good     INTEGER NOT NULL,
    bad      INTEGER NOT NULL,
    excluded INTEGER NOT NULL,
    asked    INTEGER NOT NULL,
    expired  INTEGER NOT NULL,
    codes    TEXT NOT NULL,
    times    BLOB NOT NULL,
    waits    BLOB NOT NULL,
    PRIMARY KEY (tenant, pack, width, start)
) STRICT, WITHOUT ROWID;
