-- Before everything at rest is encrypted again, each living node must be known to open it.
ALTER TABLE nodes
  ADD COLUMN key_ids text[] NOT NULL DEFAULT '{}';  -- of the encryption keys that it holds; it encrypts with the first one
