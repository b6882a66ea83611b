-- name: hold
-- Keeps an application from being deleted until the transaction ends; no row: there is none to keep.
SELECT 1 FROM applications WHERE application_id = %(application_id)b AND deleted_at IS NULL FOR SHARE

-- name: create
INSERT INTO applications (application_id, organization_id, name)
VALUES (%(application_id)b, %(organization_id)b, %(name)b)
RETURNING application_id, organization_id, name, revision, created_at, quotas

-- name: get
SELECT application_id, organization_id, name, revision, created_at, quotas
  FROM applications
 WHERE application_id = %(application_id)b AND deleted_at IS NULL

-- name: page
-- Newest first (ids are version 7). Index: applications_by_organization.
SELECT application_id, organization_id, name, revision, created_at, quotas
  FROM applications
 WHERE organization_id = %(organization_id)b AND deleted_at IS NULL
   AND (%(before)b::uuid IS NULL OR application_id < %(before)b::uuid)
 ORDER BY application_id DESC
 LIMIT %(size)b

-- name: update
-- Null: left as it is, or whatever revision it has.
UPDATE applications
   SET name = coalesce(%(name)b::text, name), quotas = coalesce(%(quotas)b::jsonb, quotas), revision = revision + 1
 WHERE application_id = %(application_id)b AND deleted_at IS NULL
   AND (%(revision)b::bigint IS NULL OR revision = %(revision)b::bigint)
RETURNING application_id, organization_id, name, revision, created_at, quotas

-- name: delete
-- Its secrets end with it, in the same transaction; its subscriptions end in slices after it.
WITH gone AS (
  UPDATE applications SET deleted_at = now(), revision = revision + 1
   WHERE application_id = %(application_id)b AND deleted_at IS NULL
  RETURNING application_id
), secrets AS (
  UPDATE application_secrets s SET deleted_at = now()
    FROM gone WHERE s.application_id = gone.application_id AND s.deleted_at IS NULL
)
SELECT application_id FROM gone

-- name: deleted_with_subscriptions
-- Deleted applications whose subscriptions were not all ended, because the server that did it died.
SELECT a.application_id
  FROM applications a
 WHERE a.deleted_at IS NOT NULL
   AND EXISTS (SELECT FROM subscriptions s WHERE s.application_id = a.application_id AND s.deleted_at IS NULL)
 LIMIT 100

-- name: names
-- Deleted ones too. Index: applications_pkey. OFFSET 0: each is looked up by itself.
SELECT a.application_id, a.name
  FROM unnest(%(application_ids)b::uuid[]) AS k (application_id)
 CROSS JOIN LATERAL (SELECT a.application_id, a.name FROM applications a WHERE a.application_id = k.application_id OFFSET 0) a
