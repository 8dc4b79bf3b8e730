-- events are the truth; runs, steps, requests and counters are projections written in the same
-- transaction. Times are microseconds UTC. Ids sort by time, so they are the lists' sort keys too.

CREATE TABLE events (
    seq      INTEGER PRIMARY KEY,
    run_id   TEXT NOT NULL,
    run_seq  INTEGER NOT NULL,
    ts       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    step_id  TEXT,
    actor    TEXT NOT NULL,
    payload  TEXT NOT NULL
) STRICT;
-- one run's history in order, and the compare-and-set on run_seq
CREATE UNIQUE INDEX events_run ON events (run_id, run_seq);

CREATE TABLE runs (
    run_id         TEXT NOT NULL PRIMARY KEY,
    tenant         TEXT NOT NULL,
    pack           TEXT NOT NULL,
    pack_version   TEXT NOT NULL,
    pack_digest    TEXT NOT NULL,
    flow           TEXT NOT NULL,
    flow_version   TEXT NOT NULL,
    requested_by   TEXT NOT NULL,
    status         TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    started_at     INTEGER,
    finished_at    INTEGER,
    updated_at     INTEGER NOT NULL,
    run_seq        INTEGER NOT NULL,
    ready          INTEGER NOT NULL,
    lease_worker   TEXT,
    lease_epoch    INTEGER NOT NULL DEFAULT 0,
    slot_key       TEXT,
    slot_limit     INTEGER,
    parent_run_id  TEXT,
    parent_path    TEXT,
    depth          INTEGER NOT NULL DEFAULT 0,
    current_step   TEXT,
    waiting_for    TEXT,
    error          TEXT,
    output_seq     INTEGER,
    steps_executed INTEGER NOT NULL DEFAULT 0,
    tool_calls     INTEGER NOT NULL DEFAULT 0,
    tokens_used    INTEGER NOT NULL DEFAULT 0,
    cancel         TEXT,
    pause          INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
-- lists filtered by status, newest first
CREATE INDEX runs_status ON runs (status, run_id);
-- what a worker may take; holds only runs that have work to do now
CREATE INDEX runs_ready ON runs (run_id) WHERE ready = 1;
-- those of capped flows, whose slots are counted at every look for work
CREATE INDEX runs_slots ON runs (slot_key) WHERE ready = 1 AND slot_key IS NOT NULL;
-- children of a run
CREATE INDEX runs_parent ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;

CREATE TABLE steps (
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    first_seq    INTEGER NOT NULL,
    type         TEXT NOT NULL,
    name         TEXT NOT NULL,
    status       TEXT NOT NULL,
    attempt      INTEGER NOT NULL,
    recoveries   INTEGER NOT NULL DEFAULT 0,
    started_at   INTEGER,
    finished_at  INTEGER,
    retry_at     INTEGER,
    input_seq    INTEGER,
    output_seq   INTEGER,
    error_seq    INTEGER,
    child_run_id TEXT,
    request_id   TEXT,
    PRIMARY KEY (run_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    request_id   TEXT NOT NULL PRIMARY KEY,
    kind         TEXT NOT NULL,
    status       TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    step_id      TEXT NOT NULL,
    risk         TEXT,
    digest       TEXT,
    opened_seq   INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    decided_at   INTEGER,
    decided_by   TEXT,
    decision     TEXT,
    comment      TEXT
) STRICT, WITHOUT ROWID;
-- the inbox, oldest first
CREATE INDEX requests_open ON requests (kind, status, request_id);
-- the requests of one run
CREATE INDEX requests_run ON requests (run_id);

CREATE TABLE timers (
    run_id TEXT NOT NULL,
    timer  TEXT NOT NULL,
    due    INTEGER NOT NULL,
    PRIMARY KEY (run_id, timer)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due);

-- inputs for a run from outside its worker: decisions, answers, children's ends, timers, verbs
CREATE TABLE mailbox (
    mail_id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id  TEXT NOT NULL,
    input   TEXT NOT NULL
) STRICT;
CREATE INDEX mailbox_run ON mailbox (run_id);

CREATE TABLE workers (
    worker_id  TEXT NOT NULL PRIMARY KEY,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    tenant         TEXT NOT NULL,
    key            TEXT NOT NULL,
    run_id         TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

-- the protected value store: values too large for an event, or with something to mask
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    data   BLOB NOT NULL
) STRICT;

CREATE TABLE snapshots (
    run_id  TEXT PRIMARY KEY,
    run_seq INTEGER NOT NULL,
    state   BLOB NOT NULL
) STRICT;

-- the content a run pinned, so that it goes on unchanged whatever happens to the files
CREATE TABLE pack_contents (
    digest  TEXT PRIMARY KEY,
    content TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
