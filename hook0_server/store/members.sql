-- name: roles_of
-- Index: members_by_user.
SELECT m.organization_id, m.role
  FROM members m JOIN organizations o ON o.organization_id = m.organization_id AND o.deleted_at IS NULL
 WHERE m.user_id = %(user_id)b::uuid
 ORDER BY m.organization_id

-- name: hold_address
-- One at a time where an account and an invitation of the same address meet: each must see what the other did.
SELECT pg_advisory_xact_lock(hashtextextended('hook0 address ' || lower(%(email)b::text), 0))

-- name: hold_owners
-- Until the transaction ends nobody else becomes or ceases to be an owner here. In one order, so that two that do so wait instead
-- of standing in each other's way. Index: members_pkey.
SELECT user_id FROM members
 WHERE organization_id = %(organization_id)b::uuid AND role = 3
 ORDER BY user_id FOR UPDATE

-- name: hold_owners_around
-- The same for every organization of a person, with their own rows: nobody makes them an owner meanwhile.
SELECT m.organization_id, m.user_id, m.role
  FROM members m
  JOIN organizations o ON o.organization_id = m.organization_id AND o.deleted_at IS NULL
 WHERE m.organization_id IN (SELECT own.organization_id FROM members own WHERE own.user_id = %(user_id)b::uuid)
   AND (m.role = 3 OR m.user_id = %(user_id)b::uuid)
 ORDER BY m.organization_id, m.user_id FOR UPDATE OF m

-- name: accept_invitations
-- Open invitations of a person's address become memberships. Index: invitations_by_email.
WITH accepted AS (
  DELETE FROM invitations i USING users u
   WHERE u.user_id = %(user_id)b::uuid AND i.email = lower(u.email)
  RETURNING i.organization_id, i.role
)
INSERT INTO members (organization_id, user_id, role)
SELECT a.organization_id, %(user_id)b::uuid, a.role
  FROM accepted a JOIN organizations o ON o.organization_id = a.organization_id AND o.deleted_at IS NULL
ON CONFLICT DO NOTHING
