-- How much the flow of a run may do by itself; not known of runs that are there already.
ALTER TABLE runs ADD COLUMN autonomy_level TEXT;
