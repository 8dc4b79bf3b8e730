-- The words of a run (title, input, error, output), as they are shown: masked. Where SQLite can (FTS5), those of a run
-- that has ended stand in the index `run_words` too, which is made when a journal is opened for writing.
CREATE TABLE run_texts (
    doc     INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id  TEXT NOT NULL UNIQUE,
    words   TEXT NOT NULL,
    indexed INTEGER NOT NULL
) STRICT;
-- those that are looked through
CREATE INDEX run_texts_unindexed ON run_texts (doc) WHERE indexed = 0;
