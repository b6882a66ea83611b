-- State is a place, and a delivery is in one of them: an open row, a dead letter, or a final attempt that did not give up.
-- (A final attempt that gave up is history: its dead letter, or what became of it since, is the delivery.)
-- An id is looked up as a range of one, in the order of its index: attempts.sql says why.

-- name: find
-- A page of deliveries from `below` down to `above`, newest first, from one snapshot. Each place that is asked for is walked by
-- delivery_id, `scan` rows at most (dead letters of subscriptions: `scan_each` of each). With by_event, ended ones are found
-- by their attempts instead, unless there are `scan` of them (too_many: ask again without). edge: nothing above it was left out.
-- WITH TIES: a revived delivery has several final attempts. Indexes: deliveries_pkey, dead_letters_pkey, dead_letters_by_subscription, attempts_final, attempts_by_event.
WITH of_event AS MATERIALIZED (
  SELECT a.delivery_id, a.event_id, a.event_type, a.subscription_id, a.outcome, a.dead, a.reason, a.attempt_id, a.attempt_number,
         a.takeover_count, a.delivery_created_at, a.finished_at, a.recorded_at, NULL::bigint AS place
    FROM unnest(%(event_ids)b::uuid[]) AS e (event_id)
   CROSS JOIN LATERAL (
         SELECT * FROM attempts a
          WHERE a.application_id = %(application_id)b::uuid AND a.event_id BETWEEN e.event_id AND e.event_id AND a.final
            AND a.recorded_at >= %(since)b::timestamptz ORDER BY a.event_id) a
   WHERE %(by_event)b::bool
   LIMIT %(scan)b::int
), open AS MATERIALIZED (
  SELECT delivery_id, event_id, event_type, subscription_id,
         CASE WHEN owner > 0 THEN 2 ELSE 1 END AS state,
         CASE WHEN owner > 0 THEN 'held' WHEN owner = 0 THEN 'subscription_disabled'
              WHEN attempt_number = 1 THEN 'scheduled' ELSE 'retrying' END AS reason,
         attempt_id, attempt_number - 1 AS attempt_count, takeover_count::int,
         CASE WHEN owner IS NULL THEN next_attempt_at END AS next_attempt_at, created_at, NULL::timestamptz AS finished_at,
         row_number() OVER (ORDER BY delivery_id DESC) AS place
    FROM deliveries
   WHERE %(in_open)b::bool AND application_id = %(application_id)b::uuid
     AND delivery_id < %(below)b::uuid AND delivery_id >= %(above)b::uuid
   ORDER BY delivery_id DESC LIMIT %(scan)b::int
), dead AS MATERIALIZED (
  (SELECT l.*, row_number() OVER (ORDER BY delivery_id DESC) AS place
     FROM dead_letters l
    WHERE %(in_dead)b::bool AND NOT %(by_event)b::bool AND %(subscription_ids)b::uuid[] IS NULL
      AND application_id = %(application_id)b::uuid AND delivery_id < %(below)b::uuid AND delivery_id >= %(above)b::uuid
      AND day >= %(since)b::timestamptz::date
    ORDER BY delivery_id DESC LIMIT %(scan)b::int)
  UNION ALL
  SELECT l.*
    FROM unnest(%(subscription_ids)b::uuid[]) AS s (subscription_id)
   CROSS JOIN LATERAL (
         SELECT l.*, row_number() OVER (ORDER BY delivery_id DESC) AS place
           FROM dead_letters l
          WHERE application_id = %(application_id)b::uuid AND l.subscription_id = s.subscription_id
            AND delivery_id < %(below)b::uuid AND delivery_id >= %(above)b::uuid AND day >= %(since)b::timestamptz::date
          ORDER BY delivery_id DESC LIMIT %(scan_each)b::int) l
   WHERE %(in_dead)b::bool AND NOT %(by_event)b::bool
  UNION ALL
  SELECT l.*, NULL
    FROM of_event e
   CROSS JOIN LATERAL (
         SELECT * FROM dead_letters l
          WHERE l.application_id = %(application_id)b::uuid AND l.delivery_id BETWEEN e.delivery_id AND e.delivery_id
            AND l.attempt_id = e.attempt_id AND l.day BETWEEN e.recorded_at::date - 1 AND e.recorded_at::date + 1
          ORDER BY l.delivery_id) l
   WHERE %(in_dead)b::bool AND e.dead
), ended AS MATERIALIZED (
  (SELECT a.delivery_id, a.event_id, a.event_type, a.subscription_id, a.outcome, a.dead, a.reason, a.attempt_id, a.attempt_number,
         a.takeover_count, a.delivery_created_at, a.finished_at, a.recorded_at, row_number() OVER (ORDER BY a.delivery_id DESC) AS place
     FROM attempts a
    WHERE %(in_ended)b::bool AND NOT %(by_event)b::bool AND a.application_id = %(application_id)b::uuid AND a.final
      AND a.delivery_id < %(below)b::uuid AND a.delivery_id >= %(above)b::uuid AND a.recorded_at >= %(since)b::timestamptz
    ORDER BY a.delivery_id DESC FETCH FIRST (%(scan)b::int) ROWS WITH TIES)
  UNION ALL
  SELECT * FROM of_event WHERE %(in_ended)b::bool
), reach AS (
  SELECT greatest((SELECT delivery_id FROM open WHERE place = %(scan)b::int),
                  (SELECT delivery_id FROM dead
                    WHERE place = CASE WHEN %(subscription_ids)b::uuid[] IS NULL THEN %(scan)b::int ELSE %(scan_each)b::int END
                    ORDER BY delivery_id DESC LIMIT 1),
                  (SELECT delivery_id FROM ended WHERE place = %(scan)b::int)) AS edge,
         (SELECT count(*) FROM of_event) = %(scan)b::int AS too_many
), known AS (
  SELECT delivery_id, event_id, event_type, subscription_id, state, reason, attempt_id, attempt_count, takeover_count,
         next_attempt_at, created_at, finished_at
    FROM open
  UNION ALL
  SELECT delivery_id, event_id, event_type, subscription_id, 4, reason, attempt_id, attempt_number, takeover_count,
         NULL, created_at, died_at
    FROM dead
  UNION ALL
  SELECT delivery_id, event_id, event_type, subscription_id, CASE outcome WHEN 10 THEN 5 ELSE 3 END, reason, attempt_id, attempt_number,
         takeover_count, NULL, delivery_created_at, finished_at
    FROM ended WHERE NOT dead
)
SELECT r.edge, r.too_many, p.*
  FROM reach r
  LEFT JOIN LATERAL (
       SELECT * FROM known
        WHERE delivery_id < %(below)b::uuid AND delivery_id >= %(above)b::uuid AND (r.edge IS NULL OR delivery_id >= r.edge)
          AND (%(states)b::int2[] IS NULL OR state = ANY (%(states)b::int2[]))
          AND (%(subscription_ids)b::uuid[] IS NULL OR subscription_id = ANY (%(subscription_ids)b::uuid[]))
          AND (%(event_ids)b::uuid[] IS NULL OR event_id = ANY (%(event_ids)b::uuid[]))
          AND (%(created_after)b::timestamptz IS NULL OR created_at >= %(created_after)b::timestamptz)
          AND (%(created_before)b::timestamptz IS NULL OR created_at < %(created_before)b::timestamptz)
          AND (%(event_types)b::text[] IS NULL OR event_type IN (
               SELECT t.event_type FROM event_types t
                WHERE t.application_id = %(application_id)b::uuid AND t.candidates && %(event_types)b::text[]))
        ORDER BY delivery_id DESC LIMIT %(rows)b::int) p ON true
 ORDER BY p.delivery_id DESC
