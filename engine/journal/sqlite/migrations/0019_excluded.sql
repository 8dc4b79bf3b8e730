-- why a run that failed does not count for the service level of its pack; none for any other
ALTER TABLE runs ADD COLUMN excluded TEXT;
