-- name: lock
-- Held for the moment in which the first one is made; readers are not kept waiting.
LOCK TABLE organizations IN SHARE ROW EXCLUSIVE MODE

-- name: first
SELECT organization_id FROM organizations WHERE deleted_at IS NULL ORDER BY organization_id LIMIT 1

-- name: create
INSERT INTO organizations (organization_id, name)
VALUES (%(organization_id)b, %(name)b)
RETURNING organization_id, name, revision, created_at

-- name: get
SELECT organization_id, name, revision, created_at
  FROM organizations
 WHERE organization_id = %(organization_id)b AND deleted_at IS NULL

-- name: page
-- Newest first (ids are version 7); null: whoever it is, all of them.
SELECT organization_id, name, revision, created_at
  FROM organizations
 WHERE deleted_at IS NULL
   AND (%(visible)b::uuid[] IS NULL OR organization_id = ANY (%(visible)b::uuid[]))
   AND (%(before)b::uuid IS NULL OR organization_id < %(before)b::uuid)
 ORDER BY organization_id DESC
 LIMIT %(size)b

-- name: update
-- Null: left as it is, or whatever revision it has.
UPDATE organizations
   SET name = coalesce(%(name)b::text, name), revision = revision + 1
 WHERE organization_id = %(organization_id)b AND deleted_at IS NULL
   AND (%(revision)b::bigint IS NULL OR revision = %(revision)b::bigint)
RETURNING organization_id, name, revision, created_at

-- name: hold
-- Keeps an organization from being deleted until the transaction ends; no row: there is none to keep.
SELECT 1 FROM organizations WHERE organization_id = %(organization_id)b AND deleted_at IS NULL FOR SHARE

-- name: lock_one
-- One change of its members at a time, and nothing is created in it meanwhile.
SELECT 1 FROM organizations WHERE organization_id = %(organization_id)b AND deleted_at IS NULL FOR UPDATE

-- name: applications
-- Those that are left, a slice at a time; index applications_by_organization.
SELECT application_id
  FROM applications
 WHERE organization_id = %(organization_id)b AND deleted_at IS NULL
 ORDER BY application_id
 LIMIT %(size)b

-- name: delete
-- Members and invitations end with it; a token of a deleted organization is nobody's.
WITH gone AS (
  UPDATE organizations SET deleted_at = now(), revision = revision + 1
   WHERE organization_id = %(organization_id)b AND deleted_at IS NULL
  RETURNING organization_id
), left_members AS (
  DELETE FROM members m USING gone WHERE m.organization_id = gone.organization_id
), left_invitations AS (
  DELETE FROM invitations i USING gone WHERE i.organization_id = gone.organization_id
)
SELECT organization_id FROM gone
