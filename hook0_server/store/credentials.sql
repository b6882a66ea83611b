-- name: application_secret
-- Whose secret this is, by the hash of its value; index application_secrets_by_hash. Deleted ones are nobody's.
SELECT s.application_id, s.application_secret_id
  FROM application_secrets s
  JOIN applications a ON a.application_id = s.application_id
 WHERE s.secret_hash = %(secret_hash)b
   AND s.deleted_at IS NULL
   AND a.deleted_at IS NULL

-- name: application_exists
-- Whether there is an application that was not deleted; its primary key.
SELECT 1
  FROM applications
 WHERE application_id = %(application_id)b
   AND deleted_at IS NULL
