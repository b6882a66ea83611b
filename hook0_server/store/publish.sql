-- Two statements (four where ids do not carry their day). Before them, in Python: one row per event id, sorted by (day, application_id, event_id): two writers that insert
-- the same ids in different orders deadlock. `day` must have a partition: one event outside the window fails its whole batch.

-- name: publish
-- Stores the new events of one batch, fans them out, takes the deliveries and counts the events: one statement, one transaction.
-- Answers a row for each delivery; one without a delivery_id for an event that nobody wants (held false) or a broadcast (held true);
-- and one with received_at. An event that is not answered was not stored: ask `classify`.
-- Indexes: event_types_pkey, events_pkey, subscriptions_by_route (its column is uuid_send(application_id)). OFFSET 0 keeps each probe a probe, whatever the statistics say.
WITH stored AS (
  INSERT INTO events (day, application_id, event_id, event_type, payload, payload_content_type, labels, metadata, source_ip, occurred_at)
  SELECT i.day, i.application_id, i.event_id, i.event_type, i.payload, i.content_type, i.labels, i.metadata, i.source_ip, i.occurred_at
    FROM unnest(%(day)b::date[], %(application_id)b::uuid[], %(event_id)b::uuid[], %(event_type)b::text[], %(payload)b::bytea[],
                %(content_type)b::text[], %(labels)b::text[]::jsonb[], %(metadata)b::text[]::jsonb[], %(source_ip)b::text[],
                %(occurred_at)b::timestamptz[])
           AS i (day, application_id, event_id, event_type, payload, content_type, labels, metadata, source_ip, occurred_at)
   CROSS JOIN LATERAL (SELECT FROM event_types t WHERE t.application_id = i.application_id AND t.event_type = i.event_type
                          AND t.deactivated_at IS NULL OFFSET 0) t
  ON CONFLICT DO NOTHING
  RETURNING day, application_id, event_id, event_type, labels, octet_length(payload) AS payload_size
), wanted AS MATERIALIZED (         -- who wants each event; of a broadcast, not all of them
  SELECT e.day, e.application_id, e.event_id, e.event_type, e.payload_size,
         ARRAY (SELECT s.subscription_id
                  FROM event_types t
                 CROSS JOIN (        -- its label pairs; '=type': unlabelled subscriptions of exactly one type; '': the other unlabelled ones
                   SELECT '' AS label UNION ALL SELECT '=' || e.event_type
                   UNION ALL SELECT length(key) || ':' || key || '=' || value FROM jsonb_each_text(e.labels) OFFSET 0) route
                 CROSS JOIN LATERAL (  -- "=", not "= ANY": with ANY the planner used application_id alone (10 times slower at 1,000 subscriptions)
                   SELECT s.subscription_id FROM subscriptions s
                    WHERE uuid_send(s.application_id) = uuid_send(e.application_id) AND s.routing_label = route.label AND s.is_enabled
                      AND e.labels @> s.labels AND t.candidates && s.event_types OFFSET 0) s
                 WHERE t.application_id = e.application_id AND t.event_type = e.event_type
                 LIMIT %(broadcast)b::int + 1) AS subscription_ids
    FROM stored e
), broadcast AS (
  INSERT INTO fanouts (fanout_id, application_id, event_id, event_day, event_type, payload_size)
  SELECT uuid_v7(), application_id, event_id, day, event_type, payload_size FROM wanted
   WHERE cardinality(subscription_ids) > %(broadcast)b::int
), delivery AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size, owner)
  SELECT w.application_id, w.id, w.id, w.subscription_id, w.event_id, w.day, w.event_type, w.payload_size,
         CASE WHEN w.place <= %(places)b::int AND w.subscription_id <> ALL (%(full)b::uuid[]) THEN %(node)b::int END
    FROM (SELECT w.*, s.subscription_id, row_number() OVER () AS place,
                 -- UUIDv7s of the batch's time and randomness, each with 62 bits hashed from its place: gen_random_uuid costs 3 µs.
                 (%(time_and_version)b::text || to_hex(hashint8extended(row_number() OVER (), %(seed)b::int8) & ~(3::int8 << 62) | (1::int8 << 63)))::uuid AS id
            FROM wanted w CROSS JOIN LATERAL unnest(w.subscription_ids) AS s (subscription_id)
           WHERE cardinality(w.subscription_ids) <= %(broadcast)b::int) w
  RETURNING application_id, event_id, delivery_id, subscription_id, owner
), counted AS (                     -- nobody reads it, so it runs last: its rows are locked for little more than the commit
  INSERT INTO event_counts AS c (application_id, day, slot, events)
  SELECT application_id, (now() AT TIME ZONE 'UTC')::date, %(slot)b::int2, count(*) FROM stored GROUP BY application_id ORDER BY application_id
  ON CONFLICT (application_id, day, slot) DO UPDATE SET events = c.events + excluded.events
)
SELECT application_id, event_id, delivery_id, subscription_id, owner IS NOT NULL AS held, NULL::timestamptz AS received_at FROM delivery
UNION ALL
SELECT application_id, event_id, NULL, NULL, cardinality(subscription_ids) > 0, NULL FROM wanted
 WHERE cardinality(subscription_ids) NOT BETWEEN 1 AND %(broadcast)b::int
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, now()

-- name: take_keys
-- Before `publish`, in its transaction, for events whose ids do not carry their day: the key row decides who is first. Answers the
-- positions of those that may be stored. An old UUIDv7 may have been stored on its own day, when it was young.
-- Indexes: event_types_pkey, events_pkey, event_keys_pkey.
WITH free AS MATERIALIZED (
  SELECT i.application_id, i.event_id, i.day, i.n
    FROM unnest(%(day)b::date[], %(application_id)b::uuid[], %(event_id)b::uuid[], %(event_type)b::text[], %(own_day)b::date[]) WITH ORDINALITY
           AS i (day, application_id, event_id, event_type, own_day, n)
   CROSS JOIN LATERAL (SELECT FROM event_types t WHERE t.application_id = i.application_id AND t.event_type = i.event_type
                          AND t.deactivated_at IS NULL OFFSET 0) t
   WHERE NOT EXISTS (SELECT FROM events e WHERE e.day = i.own_day AND e.application_id = i.application_id AND e.event_id = i.event_id OFFSET 0)
), taken AS (
  INSERT INTO event_keys (application_id, event_id, day) SELECT application_id, event_id, day FROM free
  ON CONFLICT DO NOTHING
  RETURNING application_id, event_id
)
SELECT f.n::int FROM free f WHERE (f.application_id, f.event_id) IN (SELECT application_id, event_id FROM taken)

-- name: drop_keys
-- After `publish`, in its transaction: keys whose event was not stored after all (its type was deactivated in between).
DELETE FROM event_keys k USING unnest(%(application_id)b::uuid[], %(event_id)b::uuid[]) AS i (application_id, event_id)
 WHERE k.application_id = ANY (ARRAY[i.application_id]) AND k.event_id = i.event_id

-- name: classify
-- Why inputs were not stored, by their position. A new snapshot, so what a racing writer committed is seen. The content itself is
-- compared: no digest is computed or kept for events that are not repeated. 'again': it could be stored now.
-- Indexes: event_keys_pkey, events_pkey, event_types_pkey.
SELECT i.n::int,
       CASE WHEN e.same THEN 'duplicate' WHEN NOT e.same THEN 'reused' WHEN t.found THEN 'again' ELSE 'unknown_type' END AS verdict,
       e.received_at
  FROM unnest(%(day)b::date[], %(application_id)b::uuid[], %(event_id)b::uuid[], %(event_type)b::text[], %(payload)b::bytea[],
              %(content_type)b::text[], %(labels)b::text[]::jsonb[], %(metadata)b::text[]::jsonb[], %(occurred_at)b::timestamptz[],
              %(keyed)b::bool[], %(own_day)b::date[]) WITH ORDINALITY
         AS i (day, application_id, event_id, event_type, payload, content_type, labels, metadata, occurred_at, keyed, own_day, n)
  LEFT JOIN LATERAL (SELECT k.day FROM event_keys k
                      WHERE i.keyed AND k.application_id = i.application_id AND k.event_id = i.event_id OFFSET 0) k ON true
  LEFT JOIN LATERAL (SELECT e.received_at,
                            (e.event_type, e.payload_content_type, e.labels, e.metadata, e.payload)
                              = (i.event_type, i.content_type, i.labels, i.metadata, i.payload)
                            AND e.occurred_at IS NOT DISTINCT FROM i.occurred_at AS same
                       FROM events e
                      WHERE e.day = coalesce(k.day, i.own_day, i.day) AND e.application_id = i.application_id AND e.event_id = i.event_id
                     OFFSET 0) e ON true
  LEFT JOIN LATERAL (SELECT true AS found FROM event_types t WHERE t.application_id = i.application_id AND t.event_type = i.event_type
                        AND t.deactivated_at IS NULL OFFSET 0) t ON true
