-- the W3C trace a run belongs to: its starter's, else one of its own; empty for runs from before
ALTER TABLE runs ADD COLUMN trace_id TEXT NOT NULL DEFAULT '';
