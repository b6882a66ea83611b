-- name: create
INSERT INTO application_secrets (application_id, application_secret_id, name, secret_hash, secret_encrypted)
VALUES (%(application_id)b, %(application_secret_id)b, %(name)b, %(digest)b, %(sealed)b)
RETURNING application_id, application_secret_id, name, created_at, deleted_at

-- name: page
-- Newest first, deleted ones too. Index: application_secrets_pkey.
SELECT application_id, application_secret_id, name, created_at, deleted_at
  FROM application_secrets
 WHERE application_id = %(application_id)b
   AND (%(before)b::uuid IS NULL OR application_secret_id < %(before)b::uuid)
 ORDER BY application_secret_id DESC
 LIMIT %(size)b

-- name: update
UPDATE application_secrets SET name = coalesce(%(name)b::text, name)
 WHERE application_id = %(application_id)b AND application_secret_id = %(application_secret_id)b AND deleted_at IS NULL
RETURNING application_id, application_secret_id, name, created_at, deleted_at

-- name: delete
UPDATE application_secrets SET deleted_at = now()
 WHERE application_id = %(application_id)b AND application_secret_id = %(application_secret_id)b AND deleted_at IS NULL
RETURNING application_secret_id

-- name: sealed
-- Index: application_secrets_pkey.
SELECT application_secret_id, secret_encrypted FROM application_secrets
 WHERE application_id = %(application_id)b AND application_secret_id = ANY (%(application_secret_ids)b::uuid[])

-- name: find
-- Deleted ones too. Index: application_secrets_by_hash.
SELECT application_id, application_secret_id, name, created_at, deleted_at
  FROM application_secrets
 WHERE application_id = %(application_id)b AND secret_hash = %(digest)b
