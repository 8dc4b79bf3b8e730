-- name: select_trigger
-- what a trigger has seen
SELECT version, seen FROM triggers WHERE trigger_name = ?

-- name: first_trigger
-- a trigger is noted for the first time; nothing when another was quicker
INSERT INTO triggers (trigger_name, version, seen) VALUES (?, 1, ?) ON CONFLICT (trigger_name) DO NOTHING

-- name: next_trigger
-- the version after one; nothing when another was quicker
UPDATE triggers SET version = version + 1, seen = ? WHERE trigger_name = ? AND version = ?
