-- name: put_good_pack
-- note a directory's content without problems, and the one before it; never an older reading;
--- what was read after now was read before the clock was set back
INSERT INTO good_packs (directory, pack, digest, read_at) VALUES (?, ?, ?, ?)
ON CONFLICT (directory) DO UPDATE SET
    pack = excluded.pack, digest = excluded.digest, read_at = excluded.read_at,
    before = CASE WHEN digest = excluded.digest THEN before WHEN pack = excluded.pack THEN digest END
WHERE excluded.read_at > read_at OR read_at > ?

-- name: select_good_packs
-- the last good content of every directory
SELECT * FROM good_packs

-- name: put_pack_version
-- publish a version
INSERT INTO pack_versions (pack, version, digest, published_at, published_by, author, provenance, signature, signature_state, signed_by, sbom)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: select_pack_version
-- one published version
SELECT * FROM pack_versions WHERE pack = ? AND version = ?

-- name: select_pack_versions
-- all published versions of a pack
SELECT * FROM pack_versions WHERE pack = ?

-- name: select_published
-- digest of everything published
SELECT pack, version, digest FROM pack_versions

-- name: put_trusted_code
-- let code run
INSERT INTO trusted_code (pack, digest, trusted_at, trusted_by) VALUES (?, ?, ?, ?)
ON CONFLICT (pack, digest) DO NOTHING

-- name: select_trusted_code
-- all code that may run
SELECT * FROM trusted_code

-- name: count_pinned
-- runs of a tenant, or of all, that are not over, by the content they pinned
SELECT pack, pack_version, pack_digest, count(*) AS runs FROM runs
WHERE status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'DEAD_LETTER')
AND (? IS NULL OR tenant = ?)
GROUP BY pack, pack_digest, pack_version

-- name: count_runs_of_packs
-- runs of a tenant, or of all, by pack
SELECT pack, sum(n) AS runs FROM run_buckets WHERE n > 0 AND (? IS NULL OR tenant = ?) GROUP BY pack

-- name: packs_written
-- a number that grows with every publication and every trust
SELECT (SELECT count(*) FROM pack_versions) + (SELECT count(*) FROM trusted_code)
