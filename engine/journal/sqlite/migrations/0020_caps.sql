-- What may be spent: holds for calls of models under way, caps that people set, top-ups, and what happened to caps.
CREATE TABLE holds (
    hold_id  TEXT PRIMARY KEY,
    run_id   TEXT NOT NULL,
    step_id  TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    pack     TEXT NOT NULL,
    model    TEXT NOT NULL,
    tree     TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    boot_id  TEXT NOT NULL,
    deadline INTEGER NOT NULL,
    limits   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE caps (
    scope      TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    cap_window TEXT NOT NULL,
    soft       INTEGER,
    hard       INTEGER,
    PRIMARY KEY (scope, tenant, name, cap_window)
) STRICT, WITHOUT ROWID;
CREATE TABLE budget_acts (
    act        INTEGER PRIMARY KEY AUTOINCREMENT,
    ts         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    cap_window TEXT NOT NULL,
    since      INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    via        TEXT NOT NULL,
    amount     INTEGER,
    soft       INTEGER,
    hard       INTEGER,
    comment    TEXT NOT NULL
) STRICT;
-- top-ups of a window, and whether its soft cap was told
CREATE INDEX budget_acts_of ON budget_acts (kind, scope, tenant, name, cap_window, since);
