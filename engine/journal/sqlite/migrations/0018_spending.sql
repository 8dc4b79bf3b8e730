-- What model calls of runs cost: on the run (billionths of a dollar; calls of unknown cost are counted apart), and by
-- tenant, pack, flow, step, model and quarter of an hour, which stays when runs are removed.
ALTER TABLE runs ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
CREATE TABLE spending (
    tenant        TEXT NOT NULL,
    pack          TEXT NOT NULL,
    flow          TEXT NOT NULL,
    step          TEXT NOT NULL,
    model         TEXT NOT NULL,
    slot          INTEGER NOT NULL,
    calls         INTEGER NOT NULL,
    unpriced      INTEGER NOT NULL,
    estimated     INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    sent_bytes    INTEGER NOT NULL,
    cost          INTEGER NOT NULL,
    PRIMARY KEY (tenant, pack, flow, step, model, slot)
) STRICT, WITHOUT ROWID;
-- what a tenant spent in a time
CREATE INDEX spending_time ON spending (tenant, slot);
