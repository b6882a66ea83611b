-- name: register
-- A person with an organization of their own, unless the address is taken. That row is written again as it is: both cases end
-- with a commit that is flushed, so that how long it takes tells nothing. Index: users_by_email.
WITH account AS (
  INSERT INTO users AS u (user_id, email, first_name, last_name, password_hash, created_at)
  VALUES (%(user_id)b::uuid, %(email)b::text, %(first_name)b::text, %(last_name)b::text, %(password_hash)b::text,
          %(created_at)b::timestamptz)
  ON CONFLICT (lower(email)) DO UPDATE SET email = u.email
  RETURNING user_id
), organization AS (
  INSERT INTO organizations (organization_id, name, created_at)
  SELECT %(organization_id)b::uuid, %(organization_name)b::text, %(created_at)b::timestamptz FROM account WHERE user_id = %(user_id)b::uuid
  RETURNING organization_id
), ownership AS (
  INSERT INTO members (organization_id, user_id, role)
  SELECT organization_id, %(user_id)b::uuid, 3 FROM organization
)
SELECT user_id = %(user_id)b::uuid FROM account

-- name: by_email
-- Upper and lower case are the same. Index: users_by_email.
SELECT user_id, email, first_name, last_name, password_hash, password_revision, reset_root_id, verified_at, created_at
  FROM users WHERE lower(email) = lower(%(email)b::text)

-- name: get
SELECT user_id, email, first_name, last_name, password_hash, password_revision, reset_root_id, verified_at, created_at
  FROM users WHERE user_id = %(user_id)b::uuid

-- name: verify
-- No row: there is no such account, or it was verified before.
UPDATE users SET verified_at = now() WHERE user_id = %(user_id)b::uuid AND verified_at IS NULL
RETURNING user_id, email, first_name, last_name, password_hash, password_revision, reset_root_id, verified_at, created_at

-- name: begin_reset
-- From now on only this token may set a password.
UPDATE users SET reset_root_id = %(root_id)b::bytea WHERE user_id = %(user_id)b::uuid

-- name: reset_password
-- Whoever has the token read the message, so the address is verified. No row: another token was sent since, or this one was used.
UPDATE users
   SET password_hash = %(password_hash)b::text, password_revision = password_revision + 1, reset_root_id = NULL,
       verified_at = coalesce(verified_at, now())
 WHERE user_id = %(user_id)b::uuid AND reset_root_id = %(root_id)b::bytea
RETURNING user_id

-- name: change_password
-- No row: it was changed since this revision was read. A token that was sent to reset the one before is good no more.
UPDATE users
   SET password_hash = %(password_hash)b::text, password_revision = password_revision + 1, reset_root_id = NULL
 WHERE user_id = %(user_id)b::uuid AND password_revision = %(password_revision)b::int
RETURNING user_id

-- name: hash_anew
-- The same password with other parameters: nothing that hangs on it changes.
UPDATE users SET password_hash = %(password_hash)b::text
 WHERE user_id = %(user_id)b::uuid AND password_revision = %(password_revision)b::int

-- name: delete
-- With its memberships and sessions.
DELETE FROM users WHERE user_id = %(user_id)b::uuid AND password_revision = %(password_revision)b::int RETURNING user_id
