-- Soft caps at which runs wait, and the runs that do.
ALTER TABLE caps ADD COLUMN pause INTEGER NOT NULL DEFAULT 0;
CREATE TABLE soft_waits (
    run_id     TEXT PRIMARY KEY,
    scope      TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    cap_window TEXT NOT NULL,
    since      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
