-- name: select_level
-- what was counted of a pack in one stretch
SELECT start, width, good, bad, excluded, asked, expired, codes, times, waits,
    cost, priced, tokens, metered, flagged, stated, doubtful, roles FROM levels
WHERE tenant = ? AND pack = ? AND start = ? AND width = ?

-- name: select_levels
-- the same in stretches of a width that begin between two moments
SELECT start, width, good, bad, excluded, asked, expired, codes, times, waits,
    cost, priced, tokens, metered, flagged, stated, doubtful, roles FROM levels
WHERE tenant = ? AND pack = ? AND width = ? AND start >= ? AND start < ? ORDER BY start

-- name: select_every_level
-- what was counted of every pack of a tenant, or of all (NULL), in stretches that end after a moment
SELECT tenant, pack, start, width, good, bad, excluded, asked, expired, codes, times, waits,
    cost, priced, tokens, metered, flagged, stated, doubtful, roles FROM levels
WHERE (:tenant IS NULL OR tenant = :tenant) AND start + width > :moment ORDER BY tenant, pack, start, width

-- name: page_levels
-- the same of the packs after one of a tenant, so many rows at the most
SELECT tenant, pack, start, width, good, bad, excluded, asked, expired, codes, times, waits,
    cost, priced, tokens, metered, flagged, stated, doubtful, roles FROM levels
WHERE (:tenant IS NULL OR tenant = :tenant) AND (tenant, pack) > (:owner, :pack) AND start + width > :moment
ORDER BY tenant, pack, start, width LIMIT :limit

-- name: level_hours
-- what ended of each pack in each hour since a moment, of a tenant or of all (NULL); days tell no hours
SELECT pack, start / :hour AS hour, sum(good) AS good, sum(bad) AS bad FROM levels
WHERE (:tenant IS NULL OR tenant = :tenant) AND width <= :hour AND start >= :moment GROUP BY pack, start / :hour

-- name: put_level
-- keep what was counted in a stretch
INSERT INTO levels (tenant, pack, start, width, good, bad, excluded, asked, expired, codes, times, waits,
    cost, priced, tokens, metered, flagged, stated, doubtful, roles)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, pack, start, width) DO UPDATE SET good = excluded.good, bad = excluded.bad,
    excluded = excluded.excluded, asked = excluded.asked, expired = excluded.expired, codes = excluded.codes,
    times = excluded.times, waits = excluded.waits, cost = excluded.cost, priced = excluded.priced,
    tokens = excluded.tokens, metered = excluded.metered, flagged = excluded.flagged,
    stated = excluded.stated, doubtful = excluded.doubtful, roles = excluded.roles

-- name: drop_level
-- forget what was counted in a stretch
DELETE FROM levels WHERE tenant = ? AND pack = ? AND start = ? AND width = ?

-- name: add_alert
-- an alert that begins or ends
INSERT INTO alerts (ts, began, ends, tenant, pack, kind, title, told, quiet)
VALUES (:ts, :began, :ends, :tenant, :pack, :kind, :title, :told, :quiet)

-- name: standing_alerts
-- alerts of a pack of a tenant that have not ended
SELECT a.* FROM alerts AS a LEFT JOIN alerts AS e ON e.ends = a.alert
WHERE a.tenant = :tenant AND a.pack = :pack AND a.ends IS NULL AND e.alert IS NULL ORDER BY a.alert

-- name: all_standing_alerts
-- those of all
SELECT a.* FROM alerts AS a LEFT JOIN alerts AS e ON e.ends = a.alert
WHERE a.ends IS NULL AND e.alert IS NULL ORDER BY a.alert

-- name: newest_alerts
-- the newest alerts of a pack of a tenant with the moment when they ended
SELECT a.*, e.ts AS ended FROM alerts AS a LEFT JOIN alerts AS e ON e.ends = a.alert
WHERE a.tenant = :tenant AND a.pack = :pack AND a.ends IS NULL ORDER BY a.alert DESC LIMIT :limit

-- name: alerts_after
-- what began and ended after a place
SELECT * FROM alerts WHERE alert > ? ORDER BY alert LIMIT ?

-- name: last_alert
-- the newest place
SELECT coalesce(max(alert), 0) FROM alerts
