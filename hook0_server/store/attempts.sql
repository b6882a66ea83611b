-- Attempts never change, so a list finds its keys first and reads the rows by key then. An id is looked up as a range of one, in
-- the order of its index: by "=" all indexes look alike to a planner that believes in few rows, and it took application_id alone.

-- name: find
-- The keys of a page of attempts, newest first. `source` says what is walked, `scan` rows at most: 'all' (attempts_pkey),
-- 'subscriptions' (attempts_by_subscription, `scan` rows of each) or 'events' (attempts_by_event: not in the list's order, so the
-- caller walks something else when scanned = scan). edge: nothing above it was left out; null: nothing at all was.
-- recorded_at only prunes partitions.
WITH scanned AS MATERIALIZED (
  (SELECT attempt_id, recorded_at, delivery_id, event_id, event_type, subscription_id, outcome, final, finished_at, created_at,
          row_number() OVER (ORDER BY attempt_id DESC) AS place
     FROM attempts
    WHERE %(source)b::text = 'all' AND application_id = %(application_id)b::uuid AND attempt_id < %(below)b::uuid
      AND recorded_at >= %(since)b::timestamptz
    ORDER BY attempt_id DESC LIMIT %(scan)b::int)
  UNION ALL
  SELECT a.*
    FROM unnest(%(subscription_ids)b::uuid[]) AS s (subscription_id)
   CROSS JOIN LATERAL (
         SELECT attempt_id, recorded_at, delivery_id, event_id, event_type, a.subscription_id, outcome, final, finished_at,
                created_at, row_number() OVER (ORDER BY attempt_id DESC) AS place
           FROM attempts a
          WHERE application_id = %(application_id)b::uuid AND a.subscription_id = s.subscription_id
            AND attempt_id < %(below)b::uuid AND recorded_at >= %(since)b::timestamptz
          ORDER BY attempt_id DESC LIMIT %(scan)b::int) a
   WHERE %(source)b::text = 'subscriptions'
  UNION ALL
  SELECT a.*
    FROM (SELECT a.*
            FROM unnest(%(event_ids)b::uuid[]) AS e (event_id)
           CROSS JOIN LATERAL (
                 SELECT attempt_id, recorded_at, delivery_id, event_id, event_type, subscription_id, outcome, final, finished_at,
                        created_at, NULL::bigint
                   FROM attempts a
                  WHERE application_id = %(application_id)b::uuid AND a.event_id BETWEEN e.event_id AND e.event_id
                    AND recorded_at >= %(since)b::timestamptz ORDER BY a.event_id) a
           WHERE %(source)b::text = 'events'
           LIMIT %(scan)b::int) a
), reach AS (
  SELECT (SELECT attempt_id FROM scanned WHERE place = %(scan)b::int ORDER BY attempt_id DESC LIMIT 1) AS edge,
         (SELECT count(*) FROM scanned)::int AS scanned
)
SELECT p.attempt_id, p.recorded_at, r.edge, r.scanned
  FROM reach r
  LEFT JOIN LATERAL (
       SELECT attempt_id, recorded_at FROM scanned
        WHERE attempt_id < %(below)b::uuid AND (r.edge IS NULL OR attempt_id >= r.edge)
          AND (%(subscription_ids)b::uuid[] IS NULL OR subscription_id = ANY (%(subscription_ids)b::uuid[]))
          AND (%(event_ids)b::uuid[] IS NULL OR event_id = ANY (%(event_ids)b::uuid[]))
          AND (%(delivery_ids)b::uuid[] IS NULL OR delivery_id = ANY (%(delivery_ids)b::uuid[]))
          AND (%(outcomes)b::int2[] IS NULL OR outcome = ANY (%(outcomes)b::int2[]))
          AND (final OR NOT %(only_final)b::bool)
          AND (%(finished_after)b::timestamptz IS NULL OR finished_at >= %(finished_after)b::timestamptz)
          AND (%(finished_before)b::timestamptz IS NULL OR finished_at < %(finished_before)b::timestamptz)
          AND (%(created_from)b::timestamptz IS NULL OR created_at >= %(created_from)b::timestamptz)
          AND (%(created_to)b::timestamptz IS NULL OR created_at <= %(created_to)b::timestamptz)
          AND (%(event_types)b::text[] IS NULL OR event_type IN (
               SELECT t.event_type FROM event_types t
                WHERE t.application_id = %(application_id)b::uuid AND t.candidates && %(event_types)b::text[]))
        ORDER BY attempt_id DESC LIMIT %(rows)b::int) p ON true
 ORDER BY p.attempt_id DESC

-- name: key
-- The key of one attempt. Index: attempts_pkey, in the partitions from the attempt's own day on.
SELECT recorded_at FROM attempts
 WHERE application_id = %(application_id)b::uuid AND attempt_id BETWEEN %(attempt_id)b::uuid AND %(attempt_id)b::uuid
   AND recorded_at >= %(since)b::timestamptz
 ORDER BY attempt_id LIMIT 1

-- name: read
-- Attempts by key, in the order of the keys, until their answers exceed `bytes`; the first one always. Index: attempts_pkey.
SELECT recorded_at, recorded_xid::text::bigint, application_id, attempt_id, delivery_id, event_id, event_day, event_type,
       subscription_id, subscription_revision, attempt_number, takeover_count, trigger, outcome, final, dead, reason,
       http_status, elapsed, delivery_created_at, created_at, picked_at, finished_at, next_attempt_at, error_message,
       CASE WHEN %(full)b::bool THEN response_headers END, CASE WHEN %(full)b::bool THEN response_body END,
       headers_truncated, body_truncated
  FROM (SELECT a.*, k.place, sum(1000 + CASE WHEN %(full)b::bool THEN coalesce(octet_length(a.response_headers), 0)
                                                 + coalesce(octet_length(a.response_body), 0) ELSE 0 END)
                               OVER (ORDER BY k.place) AS bytes
          FROM unnest(%(attempt_ids)b::uuid[], %(recorded_at)b::timestamptz[]) WITH ORDINALITY AS k (attempt_id, recorded_at, place)
         CROSS JOIN LATERAL (SELECT a.* FROM attempts a
                              WHERE a.application_id = %(application_id)b::uuid
                                AND a.attempt_id BETWEEN k.attempt_id AND k.attempt_id AND a.recorded_at = k.recorded_at
                              ORDER BY a.attempt_id) a) a
 WHERE place = 1 OR bytes <= %(bytes)b::bigint
 ORDER BY place

-- name: events_of_deliveries
-- Which events these deliveries are of, wherever they stand. Indexes: deliveries_pkey, attempts_final (a dead letter has one too).
SELECT d.event_id
  FROM unnest(%(delivery_ids)b::uuid[]) AS k (delivery_id)
 CROSS JOIN LATERAL (SELECT event_id FROM deliveries d
                      WHERE d.application_id = %(application_id)b::uuid AND d.delivery_id = k.delivery_id OFFSET 0) d
UNION
SELECT a.event_id
  FROM unnest(%(delivery_ids)b::uuid[]) AS k (delivery_id)
 CROSS JOIN LATERAL (SELECT event_id FROM attempts a
                      WHERE a.application_id = %(application_id)b::uuid AND a.final
                        AND a.delivery_id BETWEEN k.delivery_id AND k.delivery_id AND a.recorded_at >= %(since)b::timestamptz
                      ORDER BY a.delivery_id) a

-- name: last_keys
-- The key of the last ended attempt of each delivery. Index: attempts_by_event.
SELECT DISTINCT ON (delivery_id) attempt_id, recorded_at
  FROM unnest(%(event_ids)b::uuid[]) AS e (event_id)
 CROSS JOIN LATERAL (SELECT delivery_id, attempt_id, recorded_at FROM attempts a
                      WHERE a.application_id = %(application_id)b::uuid AND a.event_id BETWEEN e.event_id AND e.event_id
                        AND a.recorded_at >= %(since)b::timestamptz ORDER BY a.event_id) a
 WHERE delivery_id = ANY (%(delivery_ids)b::uuid[])
 ORDER BY delivery_id, attempt_id DESC

-- name: targets
-- What was called, as it was then. Index: subscription_revisions_pkey.
SELECT r.subscription_id, r.revision, r.target_encrypted
  FROM unnest(%(subscription_ids)b::uuid[], %(revisions)b::int4[]) AS k (subscription_id, revision)
 CROSS JOIN LATERAL (SELECT r.* FROM subscription_revisions r
                      WHERE r.application_id = %(application_id)b::uuid AND r.subscription_id = k.subscription_id
                        AND r.revision = k.revision OFFSET 0) r
