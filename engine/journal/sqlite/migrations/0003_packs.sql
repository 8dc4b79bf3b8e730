-- of each pack directory the last content without problems, and the one before it
CREATE TABLE good_packs (
    directory TEXT NOT NULL PRIMARY KEY,
    pack      TEXT NOT NULL,
    digest    TEXT NOT NULL,
    before    TEXT,
    read_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- the registry: a published version keeps its content for ever
CREATE TABLE pack_versions (
    pack            TEXT NOT NULL,
    version         TEXT NOT NULL,
    digest          TEXT NOT NULL,
    published_at    INTEGER NOT NULL,
    published_by    TEXT NOT NULL,
    author          TEXT NOT NULL,
    provenance      TEXT,
    signature       TEXT,
    signature_state TEXT NOT NULL,
    signed_by       TEXT,
    sbom            TEXT,
    PRIMARY KEY (pack, version)
) STRICT, WITHOUT ROWID;

-- code of packs that an operator let run, by digest
CREATE TABLE trusted_code (
    pack       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    trusted_at INTEGER NOT NULL,
    trusted_by TEXT NOT NULL,
    PRIMARY KEY (pack, digest)
) STRICT, WITHOUT ROWID;

-- runs that are not over, by the content they pinned
CREATE INDEX runs_pinned ON runs (pack, pack_digest, pack_version)
    WHERE status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'DEAD_LETTER');
