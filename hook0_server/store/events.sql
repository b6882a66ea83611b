-- Events never change, so a list finds its keys first and reads the rows by key then.

-- name: locate
-- On which days an event may be stored: the day of its key row. Index: event_keys_pkey.
SELECT event_id, day FROM event_keys WHERE application_id = %(application_id)b::uuid AND event_id = ANY (%(event_ids)b::uuid[])

-- name: find
-- The keys of a page of events, newest first by (received_at, event_id): those at the given places (`days`, `event_ids`: pairs),
-- or where those are null by walking events_by_time, `scan` rows at most. edge: nothing above it was left out.
-- An event is stored under the day of its reception, or that of its id, which is within 24 h of it: day only prunes partitions.
WITH scanned AS MATERIALIZED (
  (SELECT day, event_id, event_type, labels, received_at, row_number() OVER (ORDER BY received_at DESC, event_id DESC) AS place
     FROM events
    WHERE %(event_ids)b::uuid[] IS NULL AND application_id = %(application_id)b::uuid
      AND (received_at, event_id) < (%(below_at)b::timestamptz, %(below_id)b::uuid)
      AND day <= %(last_day)b::date AND day >= %(first_day)b::date
      AND received_at >= %(received_after)b::timestamptz
    ORDER BY received_at DESC, event_id DESC LIMIT %(scan)b::int)
  UNION ALL
  SELECT e.*, NULL
    FROM unnest(%(days)b::date[], %(event_ids)b::uuid[]) AS k (day, event_id)
   CROSS JOIN LATERAL (SELECT day, event_id, event_type, labels, received_at FROM events e
                        WHERE e.day = k.day AND e.application_id = %(application_id)b::uuid AND e.event_id = k.event_id OFFSET 0) e
), reach AS (
  SELECT received_at, event_id FROM scanned WHERE place = %(scan)b::int
)
SELECT p.day, p.event_id, p.received_at, r.received_at, r.event_id
  FROM (SELECT) one
  LEFT JOIN reach r ON true
  LEFT JOIN LATERAL (
       SELECT day, event_id, received_at FROM scanned
        WHERE (received_at, event_id) < (%(below_at)b::timestamptz, %(below_id)b::uuid)
          AND received_at >= %(received_after)b::timestamptz
          AND labels @> %(labels)b::text::jsonb
          AND (%(event_types)b::text[] IS NULL OR event_type IN (
               SELECT t.event_type FROM event_types t
                WHERE t.application_id = %(application_id)b::uuid AND t.candidates && %(event_types)b::text[]))
        ORDER BY received_at DESC, event_id DESC LIMIT %(rows)b::int) p ON true
 ORDER BY p.received_at DESC, p.event_id DESC

-- name: read
-- Events by key, in the order of the keys, until their answers exceed `bytes`; the first one always. Index: events_pkey.
SELECT day, application_id, event_id, event_type, CASE WHEN %(full)b::bool THEN payload END, payload_content_type, labels, metadata,
       source_ip, coalesce(occurred_at, received_at), received_at, octet_length(payload)
  FROM (SELECT e.*, k.place, sum(1000 + CASE WHEN %(full)b::bool THEN octet_length(e.payload) ELSE 0 END)
                               OVER (ORDER BY k.place) AS bytes
          FROM unnest(%(days)b::date[], %(event_ids)b::uuid[]) WITH ORDINALITY AS k (day, event_id, place)
         CROSS JOIN LATERAL (SELECT e.* FROM events e
                              WHERE e.day = k.day AND e.application_id = %(application_id)b::uuid AND e.event_id = k.event_id
                             OFFSET 0) e) e
 WHERE place = 1 OR bytes <= %(bytes)b::bigint
 ORDER BY place
