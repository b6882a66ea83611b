-- name: create
INSERT INTO service_tokens (organization_id, service_token_id, name, root_id, token_encrypted, expire_at)
VALUES (%(organization_id)b, %(service_token_id)b, %(name)b, %(root_id)b, %(sealed)b, %(expire_at)b::timestamptz)
RETURNING organization_id, service_token_id, name, created_at, expire_at

-- name: get
SELECT organization_id, service_token_id, name, created_at, expire_at
  FROM service_tokens
 WHERE organization_id = %(organization_id)b AND service_token_id = %(service_token_id)b AND deleted_at IS NULL

-- name: page
-- Newest first. Index: service_tokens_pkey.
SELECT organization_id, service_token_id, name, created_at, expire_at
  FROM service_tokens
 WHERE organization_id = %(organization_id)b AND deleted_at IS NULL
   AND (%(before)b::uuid IS NULL OR service_token_id < %(before)b::uuid)
 ORDER BY service_token_id DESC
 LIMIT %(size)b

-- name: sealed
-- Index: service_tokens_pkey.
SELECT service_token_id, token_encrypted FROM service_tokens
 WHERE organization_id = %(organization_id)b AND service_token_id = ANY (%(service_token_ids)b::uuid[]) AND deleted_at IS NULL

-- name: update
UPDATE service_tokens SET name = coalesce(%(name)b::text, name)
 WHERE organization_id = %(organization_id)b AND service_token_id = %(service_token_id)b AND deleted_at IS NULL
RETURNING organization_id, service_token_id, name, created_at, expire_at

-- name: delete
UPDATE service_tokens SET deleted_at = now()
 WHERE organization_id = %(organization_id)b AND service_token_id = %(service_token_id)b AND deleted_at IS NULL
RETURNING service_token_id
