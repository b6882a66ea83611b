-- name: begin
-- Only while the password is the one that was checked: whoever changes it waits for this row's lock, and then ends this session too.
INSERT INTO sessions (session_id, user_id, refresh_token_id, expire_at)
SELECT %(session_id)b::uuid, user_id, %(refresh_token_id)b::uuid, now() + make_interval(secs => %(seconds)b::float8)
  FROM users
 WHERE user_id = %(user_id)b::uuid AND password_revision = %(password_revision)b::int
   FOR SHARE
RETURNING session_id

-- name: hold
-- The session, kept as it is until the transaction ends: of two that refresh it with one token the second sees what the first did.
SELECT user_id, refresh_token_id, ended_at IS NOT NULL, expire_at <= now()
  FROM sessions WHERE session_id = %(session_id)b::uuid FOR UPDATE

-- name: rotate
UPDATE sessions
   SET refresh_token_id = %(refresh_token_id)b::uuid, expire_at = now() + make_interval(secs => %(seconds)b::float8)
 WHERE session_id = %(session_id)b::uuid

-- name: end
UPDATE sessions SET ended_at = now() WHERE session_id = %(session_id)b::uuid AND ended_at IS NULL RETURNING session_id

-- name: end_all
-- Every session of a person but one (null: every one). Index: sessions_by_user.
UPDATE sessions SET ended_at = now()
 WHERE user_id = %(user_id)b::uuid AND ended_at IS NULL AND session_id IS DISTINCT FROM %(kept)b::uuid
