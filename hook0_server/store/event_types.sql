-- name: create
-- A deactivated one comes back; no row: it is in use already.
INSERT INTO event_types AS t (application_id, event_type, candidates, description)
VALUES (%(application_id)b, %(event_type)b, %(candidates)b::text[], %(description)b)
ON CONFLICT (application_id, event_type) DO UPDATE
   SET deactivated_at = NULL, description = excluded.description, candidates = excluded.candidates, revision = t.revision + 1
 WHERE t.deactivated_at IS NOT NULL
RETURNING application_id, event_type, description, revision, created_at, deactivated_at

-- name: get
SELECT application_id, event_type, description, revision, created_at, deactivated_at
  FROM event_types
 WHERE application_id = %(application_id)b AND event_type = %(event_type)b

-- name: page
-- Those in use, by name. Index: event_types_pkey.
SELECT application_id, event_type, description, revision, created_at, deactivated_at
  FROM event_types
 WHERE application_id = %(application_id)b AND event_type > %(after)b AND deactivated_at IS NULL
 ORDER BY event_type
 LIMIT %(size)b

-- name: update
-- Null: left as it is, or whatever revision it has.
UPDATE event_types
   SET description = coalesce(%(description)b::text, description), revision = revision + 1
 WHERE application_id = %(application_id)b AND event_type = %(event_type)b AND deactivated_at IS NULL
   AND (%(revision)b::bigint IS NULL OR revision = %(revision)b::bigint)
RETURNING application_id, event_type, description, revision, created_at, deactivated_at

-- name: deactivate
UPDATE event_types
   SET deactivated_at = now(), revision = revision + 1
 WHERE application_id = %(application_id)b AND event_type = %(event_type)b AND deactivated_at IS NULL
RETURNING event_type

-- name: unknown
-- Which of these names are not in use, in the order given. Index: event_types_pkey; OFFSET 0: or all types were read to compare.
SELECT wanted.event_type
  FROM unnest(%(event_types)b::text[]) WITH ORDINALITY AS wanted (event_type, place)
 WHERE NOT EXISTS (SELECT FROM event_types t
                    WHERE t.application_id = %(application_id)b AND t.event_type = wanted.event_type AND t.deactivated_at IS NULL
                   OFFSET 0)
 ORDER BY wanted.place
