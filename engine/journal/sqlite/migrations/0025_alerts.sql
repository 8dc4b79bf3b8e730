-- alerts of service levels: a row when one begins, and one when it ends, which names the first; so each ends once
CREATE TABLE alerts (
    alert  INTEGER PRIMARY KEY AUTOINCREMENT,
    ts     INTEGER NOT NULL,
    began  INTEGER NOT NULL,
    ends   INTEGER UNIQUE,
    tenant TEXT NOT NULL,
    pack   TEXT NOT NULL,
    kind   TEXT NOT NULL,
    title  TEXT NOT NULL,
    told   TEXT NOT NULL,
    quiet  INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_of ON alerts (tenant, pack, ends, alert);
-- what was told is kept there from now on
DELETE FROM triggers WHERE trigger_name GLOB 'slo:*/*';
