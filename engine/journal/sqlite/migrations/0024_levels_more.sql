-- service levels: what good runs cost and used, what people flagged, and how long people took by the role that was asked
ALTER TABLE levels ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE levels ADD COLUMN priced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE levels ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE levels ADD COLUMN metered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE levels ADD COLUMN flagged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE levels ADD COLUMN roles TEXT NOT NULL DEFAULT '{}';
-- what a person said of a run that told things that are not so
ALTER TABLE runs ADD COLUMN flagged TEXT;
