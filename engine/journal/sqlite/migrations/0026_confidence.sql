-- what agents state of their own confidence, and which runs are doubtful because of it
ALTER TABLE steps ADD COLUMN confidence REAL;
ALTER TABLE steps ADD COLUMN least_confidence REAL;
ALTER TABLE runs ADD COLUMN confidence REAL;
ALTER TABLE runs ADD COLUMN doubtful TEXT;
ALTER TABLE levels ADD COLUMN stated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE levels ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;
