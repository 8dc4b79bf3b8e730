-- drafts and saved filters belong to one operator in one tenant; `*` stands for the view of every tenant
CREATE TABLE drafts_by_tenant (
    tenant     TEXT NOT NULL,
    owner      TEXT NOT NULL,
    key        TEXT NOT NULL,
    draft      TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, owner, key)
) STRICT, WITHOUT ROWID;
INSERT INTO drafts_by_tenant SELECT 'default', owner, key, draft, updated_at FROM drafts;
DROP TABLE drafts;
ALTER TABLE drafts_by_tenant RENAME TO drafts;

CREATE TABLE filters_by_tenant (
    tenant TEXT NOT NULL,
    owner  TEXT NOT NULL,
    name   TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (tenant, owner, name)
) STRICT, WITHOUT ROWID;
INSERT INTO filters_by_tenant SELECT 'default', owner, name, text FROM saved_filters;
DROP TABLE saved_filters;
ALTER TABLE filters_by_tenant RENAME TO saved_filters;
