-- name: candidates
-- Accounts whose address was not verified for so many days, which nobody uses, and whose organizations nobody else is in and
-- nothing is in. Index: users_unverified, sessions_by_user (a difference of times, as by sessions_by_expiry everybody's would be read).
SELECT u.user_id, u.email
  FROM users u
 WHERE u.verified_at IS NULL AND u.created_at < now() - make_interval(days => %(days)b::int)
   AND NOT EXISTS (SELECT FROM sessions s WHERE s.user_id = u.user_id AND s.ended_at IS NULL AND s.expire_at - now() > interval '0')
   AND NOT EXISTS (
       SELECT FROM members m
        WHERE m.user_id = u.user_id
          AND (EXISTS (SELECT FROM members o WHERE o.organization_id = m.organization_id AND o.user_id <> u.user_id)
            OR EXISTS (SELECT FROM invitations i WHERE i.organization_id = m.organization_id)
            OR EXISTS (SELECT FROM applications a WHERE a.organization_id = m.organization_id AND a.deleted_at IS NULL)
            OR EXISTS (SELECT FROM service_tokens t WHERE t.organization_id = m.organization_id AND t.deleted_at IS NULL)))
   AND (%(user_id)b::uuid IS NULL OR u.user_id = %(user_id)b::uuid)
 ORDER BY u.created_at LIMIT %(slice)b::int

-- name: hold_organizations
-- Until the transaction ends nobody is added to these organizations, and nothing is made in them. Index: members_by_user.
SELECT o.organization_id
  FROM organizations o JOIN members m ON m.organization_id = o.organization_id
 WHERE m.user_id = %(user_id)b::uuid AND o.deleted_at IS NULL
 ORDER BY o.organization_id FOR UPDATE OF o

-- name: remove
-- With its memberships. No row: it was verified, or is gone.
DELETE FROM users WHERE user_id = %(user_id)b::uuid AND verified_at IS NULL RETURNING user_id
