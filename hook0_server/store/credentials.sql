-- name: application_secret
-- Whose secret this is, by the hash of its value; index application_secrets_by_hash. Deleted ones are nobody's.
SELECT s.application_id, s.application_secret_id
  FROM application_secrets s
  JOIN applications a ON a.application_id = s.application_id
 WHERE s.secret_hash = %(secret_hash)b
   AND s.deleted_at IS NULL
   AND a.deleted_at IS NULL

-- name: application_organization
-- Whose application this is, if it was not deleted; its primary key.
SELECT organization_id
  FROM applications
 WHERE application_id = %(application_id)b
   AND deleted_at IS NULL

-- name: service_token
-- The service token whose first block has this revocation id; index service_tokens_by_root.
SELECT t.organization_id, t.service_token_id
  FROM service_tokens t
  JOIN organizations o ON o.organization_id = t.organization_id
 WHERE t.root_id = %(root_id)b
   AND t.deleted_at IS NULL
   AND o.deleted_at IS NULL

-- name: roles_in_session
-- A person's roles, as long as the session lives; one row without a role where they have none.
SELECT m.organization_id, m.role
  FROM sessions s
  LEFT JOIN (members m JOIN organizations o ON o.organization_id = m.organization_id AND o.deleted_at IS NULL)
    ON m.user_id = s.user_id
 WHERE s.session_id = %(session_id)b
   AND s.user_id = %(user_id)b
   AND s.ended_at IS NULL

-- name: visible_organizations
-- For those to whom every organization is visible: two are enough to know whether there is exactly one.
SELECT organization_id FROM organizations WHERE deleted_at IS NULL ORDER BY organization_id LIMIT 2

-- name: organization_exists
SELECT 1 FROM organizations WHERE organization_id = %(organization_id)b AND deleted_at IS NULL
