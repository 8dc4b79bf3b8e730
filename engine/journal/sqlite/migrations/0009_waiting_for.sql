-- What a run waits for is a kind and an id; it was words.
ALTER TABLE runs ADD COLUMN waiting_for_id TEXT;

UPDATE runs SET waiting_for = 'worker' WHERE waiting_for = 'a worker';
UPDATE runs SET waiting_for = 'child', waiting_for_id = substr(waiting_for, 7) WHERE waiting_for LIKE 'child %';
UPDATE runs SET waiting_for_id = (
    SELECT r.request_id FROM requests r
    WHERE r.run_id = runs.run_id AND r.step_id = runs.current_step AND r.status = 'PENDING')
WHERE waiting_for IN ('approval', 'form', 'outcome');
