-- the conversation that a run belongs to, as who started it calls it
ALTER TABLE runs ADD COLUMN session_id TEXT;
CREATE INDEX runs_session ON runs (session_id, run_id) WHERE session_id IS NOT NULL;
