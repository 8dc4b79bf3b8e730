-- lists of one tenant in every order, each index in the order of its list
CREATE INDEX runs_tenant ON runs (tenant, run_id);
CREATE INDEX runs_flow ON runs (tenant, pack, flow, run_id);
CREATE INDEX runs_requester ON runs (tenant, requested_by, run_id);

-- what was decided before on a step
CREATE INDEX requests_decided ON requests (step_id, request_id) WHERE decided_at IS NOT NULL;

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
