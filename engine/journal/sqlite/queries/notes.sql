-- name: select_claim
-- who looks at a request
SELECT claimed_by, expires_at FROM claims WHERE request_id = ?

-- name: put_claim
-- note who looks at a request
INSERT INTO claims (request_id, claimed_by, expires_at) VALUES (?, ?, ?)
ON CONFLICT (request_id) DO UPDATE SET claimed_by = excluded.claimed_by, expires_at = excluded.expires_at

-- name: drop_claim
-- nobody looks at a request any more
DELETE FROM claims WHERE request_id = ?

-- name: select_draft
-- what an operator typed and did not send
SELECT draft FROM drafts WHERE tenant = ? AND owner = ? AND key = ?

-- name: put_draft
-- keep what an operator typed
INSERT INTO drafts (tenant, owner, key, draft, updated_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, owner, key) DO UPDATE SET draft = excluded.draft, updated_at = excluded.updated_at

-- name: drop_draft
-- forget a draft
DELETE FROM drafts WHERE tenant = ? AND owner = ? AND key = ?

-- name: drop_old_drafts
-- of an operator's drafts keep only the newest
DELETE FROM drafts WHERE tenant = ? AND owner = ? AND key IN (
    SELECT key FROM drafts WHERE tenant = ? AND owner = ? ORDER BY updated_at DESC, key LIMIT -1 OFFSET ?)

-- name: select_filters
-- an operator's saved filters
SELECT name, text FROM saved_filters WHERE tenant = ? AND owner = ? ORDER BY name

-- name: put_filter
-- save a filter under a name
INSERT INTO saved_filters (tenant, owner, name, text) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, owner, name) DO UPDATE SET text = excluded.text

-- name: drop_filter
-- forget a saved filter
DELETE FROM saved_filters WHERE tenant = ? AND owner = ? AND name = ?
