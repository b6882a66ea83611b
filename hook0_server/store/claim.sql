-- An UPDATE or DELETE that joins its rows by key says `= ANY (ARRAY[…])` of the key's first column. After a vacuum of the empty table the
-- planner takes it for empty, however many rows came since, and with "=" it read the whole primary key, and all that was joined for each
-- row of it (a claim of 1,000 among 10,000: 5 s): "=" is worth a scan in the key's order, this is not. Here and in the other files.

-- name: claim_oldest
-- Oldest due rows first, at most `per_subscription` of each subscription among the `head` oldest, never those of `closed` ones (NOT IN
-- is hashed; <> ALL compares each with each, here 1,000 with some thousands).
-- Cheap whatever waits in the future. `head_full`: more is due than was looked at, use `claim_fair` next.
-- Always at least one row (delivery_id null: nothing claimed). Index: deliveries_by_time.
WITH head AS MATERIALIZED (
  SELECT application_id, delivery_id, subscription_id, next_attempt_at FROM deliveries
   WHERE owner IS NULL AND next_attempt_at <= now() ORDER BY next_attempt_at LIMIT %(head)b::int
), share AS MATERIALIZED (
  SELECT application_id, delivery_id FROM (
    SELECT application_id, delivery_id, next_attempt_at, row_number() OVER (PARTITION BY subscription_id ORDER BY next_attempt_at) AS place
      FROM head WHERE subscription_id NOT IN (SELECT unnest(%(closed)b::uuid[]))) h
   WHERE place <= %(per_subscription)b::int ORDER BY next_attempt_at LIMIT %(most)b::int
), due AS MATERIALIZED (
  SELECT d.application_id, d.delivery_id, d.payload_size
    FROM share CROSS JOIN LATERAL (
         SELECT d.application_id, d.delivery_id, d.payload_size FROM deliveries d
          WHERE d.application_id = share.application_id AND d.delivery_id = share.delivery_id
            -- Asked again of what was locked, in words that no partial index has: only the primary key can be used.
            AND coalesce(d.owner, -1) = -1 AND d.next_attempt_at <= now() FOR UPDATE SKIP LOCKED) d
), fits AS (
  SELECT application_id, delivery_id FROM (
    SELECT application_id, delivery_id, row_number() OVER w AS place, sum(payload_size) OVER w AS bytes
      FROM due WINDOW w AS (ROWS UNBOUNDED PRECEDING)) d
   WHERE place = 1 OR bytes <= %(bytes)b::bigint
), claimed AS (
  UPDATE deliveries d SET owner = %(node)b::int, owned_at = now() FROM fits
   WHERE d.application_id = ANY (ARRAY[fits.application_id]) AND d.delivery_id = fits.delivery_id
  RETURNING d.application_id, d.delivery_id, d.attempt_id, d.subscription_id, d.event_id, d.event_day, d.event_type, d.payload_size,
            d.attempt_number, d.takeover_count, d.trigger, d.cancel_requested, d.started_at, d.created_at
)
SELECT (SELECT count(*) FROM head) = %(head)b::int AS head_full, c.*
  FROM (SELECT) one LEFT JOIN claimed c ON true

-- name: claim_fair
-- When more is due than one look takes: a few due rows of each subscription, application by application, from where the last walk
-- stopped. It visits `applications` applications after `after` and `visits` subscriptions of each, those of `resumed` applications
-- from `resume_after` on. Answers, beside the claimed rows, where each application's walk stopped (delivery_id null; subscription_id
-- null there: its end was reached). Index: deliveries_by_subscription (one probe for a subscription with nothing due).
WITH RECURSIVE application (application_id, visit) AS (     -- skip scan: the applications that have anything waiting
  (SELECT application_id, 1 FROM deliveries WHERE owner IS NULL AND application_id > %(after)b::uuid ORDER BY application_id LIMIT 1)
  UNION ALL
  SELECT n.application_id, a.visit + 1
    FROM application a
   CROSS JOIN LATERAL (SELECT application_id FROM deliveries WHERE owner IS NULL AND application_id > a.application_id
                        ORDER BY application_id LIMIT 1) n
   WHERE a.visit < %(applications)b::int
), walk AS MATERIALIZED (
  SELECT a.application_id, w.subscription_id, w.next_attempt_at, w.visit
    FROM application a
    LEFT JOIN LATERAL (SELECT r.resume_after FROM unnest(%(resumed)b::uuid[], %(resume_after)b::uuid[]) AS r (application_id, resume_after)
                        WHERE r.application_id = a.application_id LIMIT 1) r ON true
   CROSS JOIN LATERAL (
     WITH RECURSIVE waiting (subscription_id, next_attempt_at, visit) AS (   -- skip scan: the earliest row of each subscription
       (SELECT subscription_id, next_attempt_at, 1 FROM deliveries
         WHERE owner IS NULL AND application_id = a.application_id
           AND subscription_id > coalesce(r.resume_after, '00000000-0000-0000-0000-000000000000')
         ORDER BY subscription_id, next_attempt_at LIMIT 1)
       UNION ALL
       SELECT n.subscription_id, n.next_attempt_at, w.visit + 1
         FROM waiting w
        CROSS JOIN LATERAL (SELECT subscription_id, next_attempt_at FROM deliveries
                             WHERE owner IS NULL AND application_id = a.application_id AND subscription_id > w.subscription_id
                             ORDER BY subscription_id, next_attempt_at LIMIT 1) n
        WHERE w.visit < %(visits)b::int)
     SELECT * FROM waiting) w
), turn AS MATERIALIZED (           -- one row of each application in turn, so that the limits cut them all alike
  SELECT application_id, subscription_id FROM walk
   WHERE next_attempt_at <= now() AND subscription_id NOT IN (SELECT unnest(%(closed)b::uuid[]))
   ORDER BY row_number() OVER (PARTITION BY application_id ORDER BY visit), application_id
), due AS MATERIALIZED (
  SELECT d.application_id, d.delivery_id, d.payload_size
    FROM turn t
   CROSS JOIN LATERAL (SELECT application_id, delivery_id, payload_size FROM deliveries
                        WHERE owner IS NULL AND application_id = t.application_id AND subscription_id = t.subscription_id
                          AND next_attempt_at <= now()
                        ORDER BY next_attempt_at LIMIT %(per_subscription)b::int FOR UPDATE SKIP LOCKED) d
   LIMIT %(most)b::int
), fits AS (
  SELECT application_id, delivery_id FROM (
    SELECT application_id, delivery_id, row_number() OVER w AS place, sum(payload_size) OVER w AS bytes
      FROM due WINDOW w AS (ROWS UNBOUNDED PRECEDING)) d
   WHERE place = 1 OR bytes <= %(bytes)b::bigint
), claimed AS (
  UPDATE deliveries d SET owner = %(node)b::int, owned_at = now() FROM fits
   WHERE d.application_id = ANY (ARRAY[fits.application_id]) AND d.delivery_id = fits.delivery_id
  RETURNING d.application_id, d.delivery_id, d.attempt_id, d.subscription_id, d.event_id, d.event_day, d.event_type, d.payload_size,
            d.attempt_number, d.takeover_count, d.trigger, d.cancel_requested, d.started_at, d.created_at
)
SELECT false AS head_full, c.* FROM claimed c
UNION ALL
SELECT false, application_id, NULL, NULL, (array_agg(subscription_id ORDER BY visit DESC) FILTER (WHERE visit = %(visits)b::int))[1],
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM walk GROUP BY application_id

-- name: next_due
-- Seconds until the next row may be claimed (0: now); null: nothing waits. Index: deliveries_by_time.
SELECT greatest(extract(epoch FROM next_attempt_at - now()), 0)::float8 FROM deliveries
 WHERE owner IS NULL ORDER BY next_attempt_at LIMIT 1

-- name: load_payloads
-- The payloads of claimed deliveries. Index: events_pkey.
SELECT e.application_id, e.event_id, e.payload_content_type, e.payload
  FROM unnest(%(day)b::date[], %(application_id)b::uuid[], %(event_id)b::uuid[]) AS i (day, application_id, event_id)
 CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.day = i.day AND e.application_id = i.application_id AND e.event_id = i.event_id OFFSET 0) e
