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
-- what was counted of every pack or of one, of a tenant or of all (NULL), in stretches that end after a moment
SELECT tenant, pack, start, width, good, bad, excluded, asked, expired, codes, times, waits,
    cost, priced, tokens, metered, flagged, stated, doubtful, roles FROM levels
WHERE (:tenant IS NULL OR tenant = :tenant) AND (:pack IS NULL OR pack = :pack) AND start + width > :moment
ORDER BY tenant, pack, start, width

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

-- name: mark_level
-- note that something of a pack changed
INSERT INTO level_marks (tenant, pack, mark) VALUES (?, ?, (SELECT coalesce(max(mark), 0) + 1 FROM level_marks))
ON CONFLICT (tenant, pack) DO UPDATE SET mark = excluded.mark

-- name: changed_levels
-- packs of a tenant, or of all (NULL), that changed after a mark
SELECT tenant, pack, mark FROM level_marks WHERE mark > :mark AND (:tenant IS NULL OR tenant = :tenant)
ORDER BY tenant, pack

-- name: level_sums
-- what was counted of each pack from one to another, in stretches that end after a moment; `lately` from :cut on
SELECT tenant, pack, sum(good) AS good, sum(bad) AS bad, sum(flagged) AS flagged, sum(doubtful) AS doubtful,
    sum(stated) AS stated, sum(priced) AS priced, sum(metered) AS metered, total(cost) AS cost, total(tokens) AS tokens,
    group_concat(hex(times), '') FILTER (WHERE length(times) > 0) AS times,
    group_concat(hex(waits), '') FILTER (WHERE length(waits) > 0) AS waits,
    sum(good) FILTER (WHERE start >= :cut) AS lately_good, sum(bad) FILTER (WHERE start >= :cut) AS lately_bad,
    sum(priced) FILTER (WHERE start >= :cut) AS lately_priced,
    sum(metered) FILTER (WHERE start >= :cut) AS lately_metered,
    total(cost) FILTER (WHERE start >= :cut) AS lately_cost,
    total(tokens) FILTER (WHERE start >= :cut) AS lately_tokens,
    group_concat(hex(times), '') FILTER (WHERE start >= :cut) AS lately_times,
    min(start + width) AS oldest_end, sum(bad) FILTER (WHERE start + width > :recent) AS recent_bad
FROM levels
WHERE (tenant, pack) >= (:tenant, :pack) AND (tenant, pack) <= (:last_tenant, :last_pack)
    AND (:packs IS NULL OR pack IN (SELECT value FROM json_each(:packs)))
    AND start + width > :moment AND start <= :now
GROUP BY tenant, pack

-- name: recent_levels
-- runs of some packs that ended in stretches that end after a moment
SELECT tenant, pack, start, width, good, bad FROM levels
WHERE (tenant, pack) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:places))
    AND start + width > :moment AND start <= :now
ORDER BY tenant, pack, start, width

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
