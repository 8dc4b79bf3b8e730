-- Words that no index has are kept apart: of runs that have not ended, and of all where SQLite has no FTS5. They come
-- with every run, so they are one row of one table.
CREATE TABLE unindexed_words (
    run_id TEXT NOT NULL PRIMARY KEY,
    words  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO unindexed_words SELECT run_id, words FROM run_texts WHERE indexed = 0;
DELETE FROM run_texts WHERE indexed = 0;
DROP INDEX run_texts_unindexed;
ALTER TABLE run_texts DROP COLUMN indexed;
