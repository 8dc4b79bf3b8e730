-- the run that this one took over from: each names the other
ALTER TABLE runs ADD COLUMN handed_off_from TEXT;
CREATE INDEX runs_handed_off ON runs (handed_off_from) WHERE handed_off_from IS NOT NULL;
