-- what each trigger of a flow has seen; a version is written once, so that of several processes one is first
CREATE TABLE triggers (
    trigger_name TEXT NOT NULL PRIMARY KEY,
    version      INTEGER NOT NULL,
    seen         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
