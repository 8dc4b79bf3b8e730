-- How often in a row the work on a run ended in a defect; a transition starts the count anew.
ALTER TABLE runs ADD COLUMN failed_works INTEGER NOT NULL DEFAULT 0;
