-- name: account
-- The account of an address; index users_by_email.
SELECT user_id FROM users WHERE lower(email) = %(email)b::text

-- name: add
INSERT INTO members (organization_id, user_id, role)
VALUES (%(organization_id)b, %(user_id)b, %(role)b)
ON CONFLICT DO NOTHING
RETURNING user_id

-- name: invite
INSERT INTO invitations (organization_id, email, role)
VALUES (%(organization_id)b, %(email)b, %(role)b)
ON CONFLICT DO NOTHING
RETURNING email

-- name: get
-- By address, or by the person; the pending ones have an address alone.
SELECT email, user_id, first_name, last_name, role, created_at
  FROM (SELECT lower(u.email) AS email, m.user_id, u.first_name, u.last_name, m.role, m.created_at
          FROM members m JOIN users u ON u.user_id = m.user_id
         WHERE m.organization_id = %(organization_id)b
           AND (m.user_id = %(user_id)b::uuid OR lower(u.email) = %(email)b::text)
        UNION ALL
        SELECT email, NULL, '', '', role, created_at
          FROM invitations
         WHERE organization_id = %(organization_id)b AND email = %(email)b::text) found
 LIMIT 1

-- name: page
-- By address, those after `after`.
SELECT email, user_id, first_name, last_name, role, created_at
  FROM (SELECT lower(u.email) AS email, m.user_id, u.first_name, u.last_name, m.role, m.created_at
          FROM members m JOIN users u ON u.user_id = m.user_id
         WHERE m.organization_id = %(organization_id)b
        UNION ALL
        SELECT email, NULL, '', '', role, created_at
          FROM invitations
         WHERE organization_id = %(organization_id)b) everybody
 WHERE email > %(after)b::text
 ORDER BY email
 LIMIT %(size)b

-- name: change
UPDATE members SET role = %(role)b WHERE organization_id = %(organization_id)b AND user_id = %(user_id)b

-- name: change_invitation
UPDATE invitations SET role = %(role)b WHERE organization_id = %(organization_id)b AND email = %(email)b

-- name: remove
DELETE FROM members WHERE organization_id = %(organization_id)b AND user_id = %(user_id)b

-- name: withdraw
DELETE FROM invitations WHERE organization_id = %(organization_id)b AND email = %(email)b
