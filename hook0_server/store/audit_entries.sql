-- name: add
-- What was done. The organization is the one that is given, else the application's, also of a deleted one.
INSERT INTO audit_entries (organization_id, application_id, action, operation, actor_kind, actor_id, credential_id, source_ip,
                           request_id, resource_type, resource_id, result)
VALUES (coalesce(%(organization_id)b::uuid,
                 (SELECT a.organization_id FROM applications a WHERE a.application_id = %(application_id)b::uuid)),
        %(application_id)b::uuid, %(action)b::text, %(operation)b::text, %(actor_kind)b::text, %(actor_id)b::text,
        %(credential_id)b::text, %(source_ip)b::text, %(request_id)b::text, %(resource_type)b::text, %(resource_id)b::text,
        %(result)b::text)

-- name: add_refused
-- What was tried. It is the named organization's where the credential belongs to that one (or is the master key), else the
-- credential's own where it has exactly one: nobody writes into the log of somebody else's organization.
WITH own AS (
  SELECT a.organization_id FROM applications a WHERE a.application_id = %(own_application_id)b::uuid
  UNION
  SELECT unnest(%(own_organization_ids)b::uuid[])
), named AS (
  SELECT o.organization_id, n.application_id
    FROM (SELECT coalesce(%(organization_id)b::uuid, a.organization_id) AS organization_id, a.application_id
            FROM (SELECT) one LEFT JOIN applications a ON a.application_id = %(application_id)b::uuid) n
    JOIN organizations o USING (organization_id)
   WHERE %(is_everywhere)b::bool OR o.organization_id IN (SELECT own.organization_id FROM own)
)
INSERT INTO audit_entries (organization_id, application_id, action, operation, actor_kind, actor_id, credential_id, source_ip,
                           request_id, resource_type, resource_id, result)
SELECT coalesce((SELECT named.organization_id FROM named),
                (SELECT min(own.organization_id::text)::uuid FROM own HAVING count(*) = 1)),
       (SELECT named.application_id FROM named),
       %(action)b::text, %(operation)b::text, %(actor_kind)b::text, %(actor_id)b::text, %(credential_id)b::text,
       %(source_ip)b::text, %(request_id)b::text, %(resource_type)b::text, %(resource_id)b::text, %(result)b::text

-- name: find
-- A page of the entries of an organization (null: of none), newest first, by walking audit_entries_by_organization, `scan` rows at
-- most. `subjects`: the first words of actions. edge: nothing above it was left out; null: nothing at all was.
WITH scanned AS MATERIALIZED (
  SELECT audit_entries.*, row_number() OVER (ORDER BY audit_entry_id DESC) AS place
    FROM audit_entries
   WHERE (organization_id = %(organization_id)b::uuid OR (%(organization_id)b::uuid IS NULL AND organization_id IS NULL))
     AND audit_entry_id < %(below)b::uuid AND audit_entry_id >= %(since)b::uuid
   ORDER BY audit_entry_id DESC LIMIT %(scan)b::int
), reach AS (
  SELECT audit_entry_id AS edge FROM scanned WHERE place = %(scan)b::int
)
SELECT r.edge, e.audit_entry_id, e.organization_id, e.application_id, e.recorded_at, e.action, e.operation, e.actor_kind, e.actor_id,
       e.credential_id, e.source_ip, e.request_id, e.resource_type, e.resource_id, e.result
  FROM (SELECT) one
  LEFT JOIN reach r ON true
  LEFT JOIN LATERAL (
       SELECT * FROM scanned
        WHERE (%(actors)b::text[] IS NULL OR actor_id = ANY (%(actors)b::text[]) OR credential_id = ANY (%(actors)b::text[]))
          AND (%(actions)b::text[] IS NULL OR action = ANY (%(actions)b::text[])
               OR split_part(action, ':', 1) = ANY (%(subjects)b::text[]))
          AND (%(resource_ids)b::text[] IS NULL OR resource_id = ANY (%(resource_ids)b::text[]))
          AND (%(after)b::timestamptz IS NULL OR recorded_at >= %(after)b::timestamptz)
          AND (%(before)b::timestamptz IS NULL OR recorded_at < %(before)b::timestamptz)
        ORDER BY audit_entry_id DESC LIMIT %(rows)b::int) e ON true
 ORDER BY e.audit_entry_id DESC

-- name: forget
-- A slice of the entries that are kept no more: their ids tell their age. Index: audit_entries_pkey.
DELETE FROM audit_entries WHERE audit_entry_id IN (
  SELECT audit_entry_id FROM audit_entries WHERE audit_entry_id < %(below)b::uuid
   ORDER BY audit_entry_id LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED)
