-- name: has_owner
-- Index: members_pkey.
SELECT 1 FROM members WHERE organization_id = %(organization_id)b::uuid AND role = 3 LIMIT 1

-- name: create
-- An account whose address nobody has to prove, because whoever runs the server made it. No row: the address has an account.
WITH account AS (
  INSERT INTO users (user_id, email, first_name, password_hash, verified_at)
  VALUES (%(user_id)b::uuid, %(email)b::text, %(first_name)b::text, %(password_hash)b::text, now())
  ON CONFLICT (lower(email)) DO NOTHING
  RETURNING user_id
)
INSERT INTO members (organization_id, user_id, role) SELECT %(organization_id)b::uuid, user_id, 3 FROM account RETURNING user_id
