-- how a run ends whose last steps (`finally`) are under way: outcome and error, as JSON; none for any other run
ALTER TABLE runs ADD COLUMN ending TEXT;
