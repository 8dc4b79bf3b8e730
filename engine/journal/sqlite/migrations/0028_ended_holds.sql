-- what was held for a call that nobody can be making any more: it holds up nobody, and is counted when its run goes on
ALTER TABLE holds ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
CREATE INDEX holds_run ON holds (run_id);
