-- name: ensure
-- The one row, made by whoever comes first.
INSERT INTO instance (system_identifier, feed_epoch)
SELECT system_identifier, gen_random_uuid() FROM pg_control_system()
ON CONFLICT (only_row) DO NOTHING

-- name: lock_key_checks
-- One server at a time compares its keys with what is known.
SELECT key_checks FROM instance FOR UPDATE

-- name: add_key_checks
UPDATE instance SET key_checks = key_checks || %(checks)b

-- name: lock_token_key
SELECT token_key FROM instance FOR UPDATE

-- name: set_token_key
UPDATE instance SET token_key = %(token_key)b::text
