-- name: select_note
-- what processes noted for each other by a name; triggers were the first to, so the table is theirs
SELECT version, seen FROM triggers WHERE trigger_name = ?

-- name: first_note
-- the first of a name; nothing when another was quicker
INSERT INTO triggers (trigger_name, version, seen) VALUES (?, 1, ?) ON CONFLICT (trigger_name) DO NOTHING

-- name: next_note
-- the version after one; nothing when another was quicker
UPDATE triggers SET version = version + 1, seen = ? WHERE trigger_name = ? AND version = ?
