-- name: put_good_pack
INSERT INTO good_packs (directory, pack, digest, read_at) VALUES (?, ?, ?, ?)
ON CONFLICT (directory) DO UPDATE SET
    pack = excluded.pack, digest = excluded.digest, read_at = excluded.read_at,
    before = CASE WHEN digest = excluded.digest THEN before WHEN pack = excluded.pack THEN digest END
WHERE excluded.read_at > read_at
-- name: select_good_packs
SELECT * FROM good_packs
-- name: put_pack_version
INSERT INTO pack_versions (pack, version, digest, published_at, published_by, author, provenance, signature, signature_state, signed_by, sbom)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
-- name: select_pack_version
SELECT * FROM pack_versions WHERE pack = ? AND version = ?
-- name: select_pack_versions
SELECT * FROM pack_versions WHERE pack = ?
-- name: select_published
SELECT pack, version, digest FROM pack_versions
-- name: put_trusted_code
INSERT INTO trusted_code (pack, digest, trusted_at, trusted_by) VALUES (?, ?, ?, ?)
ON CONFLICT (pack, digest) DO NOTHING
-- name: select_trusted_code
SELECT * FROM trusted_code
-- name: count_pinned
SELECT pack, pack_version, pack_digest, count(*) AS runs FROM runs
WHERE status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'DEAD_LETTER')
GROUP BY pack, pack_digest, pack_version
-- name: packs_written
SELECT (SELECT count(*) FROM pack_versions) + (SELECT count(*) FROM trusted_code)
