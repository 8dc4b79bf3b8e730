-- A cell is one combination of what the runs list is filtered and sorted by and few values exist of:
-- tenant, pack, flow and status. A run moves from cell to cell with its status. Counts of any filter are
-- sums over cells, and its lists merge the cells that fit, each read in order from one index.
CREATE TABLE run_cells (
    cell   INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    pack   TEXT NOT NULL,
    flow   TEXT NOT NULL,
    status TEXT NOT NULL,
    n      INTEGER NOT NULL,
    UNIQUE (tenant, pack, flow, status)
) STRICT;
INSERT INTO run_cells (tenant, pack, flow, status, n)
SELECT tenant, pack, flow, status, count(*) FROM runs GROUP BY tenant, pack, flow, status;
ALTER TABLE runs ADD COLUMN cell INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET cell = (
    SELECT c.cell FROM run_cells c
    WHERE c.tenant = runs.tenant AND c.pack = runs.pack AND c.flow = runs.flow AND c.status = runs.status);
DELETE FROM counters WHERE name GLOB 'status:*';
-- the runs of a cell by four hours of when they were created: how many lie between two moments is a sum
CREATE TABLE run_periods (
    cell   INTEGER NOT NULL,
    period INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (cell, period)
) STRICT, WITHOUT ROWID;
INSERT INTO run_periods (cell, period, n)
SELECT cell, created_at / 14400000000, count(*) FROM runs GROUP BY cell, created_at / 14400000000;
-- who has runs: what is typed is looked for in these names, not in every run
CREATE TABLE run_requesters (
    tenant       TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    PRIMARY KEY (tenant, requested_by)
) STRICT, WITHOUT ROWID;
INSERT INTO run_requesters (tenant, requested_by) SELECT DISTINCT tenant, requested_by FROM runs;
-- both are touched when a run begins and when its status changes, and by no other transition
DROP INDEX runs_status;
-- every list in the order of time
CREATE INDEX runs_cell ON runs (cell, created_at, run_id);
-- those of one requester, and the order by requester
CREATE INDEX runs_requester ON runs (cell, requested_by, created_at DESC, run_id DESC);

-- what the inbox and the history of a step look for; `step` is the author's id of the step
ALTER TABLE requests ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN pack TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN flow TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN step TEXT NOT NULL DEFAULT '';
UPDATE requests SET (tenant, pack, flow) = (
    SELECT r.tenant, r.pack, r.flow FROM runs r WHERE r.run_id = requests.run_id);
-- from the last `/` on, and without the number of the visit: `scan/2/ask~3` -> `ask`
UPDATE requests SET step = replace(step_id, rtrim(step_id, replace(step_id, '/', '')), '');
UPDATE requests SET step = substr(step, 1, instr(step || '~', '~') - 1);
-- the inbox of one tenant, oldest first
CREATE INDEX requests_tenant ON requests (tenant, kind, status, request_id);
-- what was decided before on a step
CREATE INDEX requests_decided ON requests (tenant, pack, flow, step, decided_at) WHERE decision IS NOT NULL;
DELETE FROM counters WHERE name IN ('approval:PENDING', 'form:PENDING');
INSERT INTO counters (name, n)
SELECT kind || ':PENDING/' || tenant, count(*) FROM requests WHERE status = 'PENDING' GROUP BY kind, tenant;

-- who looks at an approval; advice to others, ends by itself
CREATE TABLE claims (
    request_id TEXT NOT NULL PRIMARY KEY,
    claimed_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- what an operator typed and did not send
CREATE TABLE drafts (
    owner      TEXT NOT NULL,
    key        TEXT NOT NULL,
    draft      TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE saved_filters (
    owner TEXT NOT NULL,
    name  TEXT NOT NULL,
    text  TEXT NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;
