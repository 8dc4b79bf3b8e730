-- below a ceiling of tokens: what a question may take is held with its money. Of one that is held for its tokens only the
-- price may not be known.
ALTER TABLE holds ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE holds ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE holds ADD COLUMN sent_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE holds ADD COLUMN priced INTEGER NOT NULL DEFAULT 1;
