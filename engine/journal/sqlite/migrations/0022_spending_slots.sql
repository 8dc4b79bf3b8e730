-- what all tenants spent in a time
CREATE INDEX spending_slot ON spending (slot);
