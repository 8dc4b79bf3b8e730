-- which packs' service levels changed after a moment: a mark that grows with each change
CREATE TABLE level_marks (
    tenant TEXT NOT NULL,
    pack   TEXT NOT NULL,
    mark   INTEGER NOT NULL,
    PRIMARY KEY (tenant, pack)
) STRICT, WITHOUT ROWID;
CREATE INDEX level_marks_mark ON level_marks (mark);
INSERT INTO level_marks SELECT DISTINCT tenant, pack, 0 FROM levels;
