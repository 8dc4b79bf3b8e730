-- what a run is about, in the words of its flow
ALTER TABLE runs ADD COLUMN subject TEXT;
