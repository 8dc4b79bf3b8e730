-- name: select_claim
SELECT claimed_by, expires_at FROM claims WHERE request_id = ?
-- name: put_claim
INSERT INTO claims (request_id, claimed_by, expires_at) VALUES (?, ?, ?)
ON CONFLICT (request_id) DO UPDATE SET claimed_by = excluded.claimed_by, expires_at = excluded.expires_at
-- name: drop_claim
DELETE FROM claims WHERE request_id = ?
-- name: drop_own_claim
DELETE FROM claims WHERE request_id = ? AND claimed_by = ?
-- name: select_draft
SELECT draft FROM drafts WHERE owner = ? AND key = ?
-- name: put_draft
INSERT INTO drafts (owner, key, draft, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (owner, key) DO UPDATE SET draft = excluded.draft, updated_at = excluded.updated_at
-- name: drop_draft
DELETE FROM drafts WHERE owner = ? AND key = ?
-- name: drop_old_drafts
DELETE FROM drafts WHERE owner = ? AND key IN (
    SELECT key FROM drafts WHERE owner = ? ORDER BY updated_at DESC, key LIMIT -1 OFFSET ?)
-- name: select_filters
SELECT name, text FROM saved_filters WHERE owner = ? ORDER BY name
-- name: put_filter
INSERT INTO saved_filters (owner, name, text) VALUES (?, ?, ?)
ON CONFLICT (owner, name) DO UPDATE SET text = excluded.text
-- name: drop_filter
DELETE FROM saved_filters WHERE owner = ? AND name = ?
