-- Two statements (four where ids do not carry their day). Before them, in Python: one row per event id, sorted by (day, application_id, event_id): two writers that insert
-- the same ids in different orders deadlock. `day` must have a partition: one event outside the window fails its whole batch.

-- name: publish
-- Stores the new events of one batch, fans them out, takes the deliveries and counts the events: one statement, one transaction.
-- Answers a row for each delivery, with the place of its event in the arrays; one without a subscription_id for an event that nobody
-- wants (held false) or a broadcast (held true); and one with received_at. An event that is not answered was not stored: ask `classify`.
-- Indexes: event_types_pkey, events_pkey, subscriptions_by_route (its column is uuid_send(application_id)). OFFSET 0 keeps each probe a probe, whatever the statistics say.
WITH kind AS MATERIALIZED (         -- who wants the events that are alike: looked for once (of a broadcast, not all of them)
  SELECT k.application_id, k.event_type, k.first, k.last, t.candidates IS NOT NULL AS is_active,
         ARRAY (SELECT s.subscription_id
                  FROM (             -- its label pairs; '=type': unlabelled subscriptions of exactly one type; '': the other unlabelled ones
                   SELECT '' AS label UNION ALL SELECT '=' || k.event_type
                   UNION ALL SELECT length(key) || ':' || key || '=' || value FROM jsonb_each_text(k.labels) OFFSET 0) route
                 CROSS JOIN LATERAL (  -- "=", not "= ANY": with ANY the planner used application_id alone (10 times slower at 1,000 subscriptions)
                   SELECT s.subscription_id FROM subscriptions s
                    WHERE uuid_send(s.application_id) = uuid_send(k.application_id) AND s.routing_label = route.label AND s.is_enabled
                      AND k.labels @> s.labels AND t.candidates && s.event_types OFFSET 0) s
                 LIMIT %(broadcast)b::int + 1) AS subscription_ids
    FROM unnest(%(kind_application_id)b::uuid[], %(kind_event_type)b::text[], %(kind_labels)b::text[]::jsonb[], %(kind_first)b::int4[],
                %(kind_last)b::int4[]) WITH ORDINALITY
           AS k (application_id, event_type, labels, first, last, number)
    LEFT JOIN LATERAL (SELECT t.candidates FROM event_types t WHERE t.application_id = k.application_id AND t.event_type = k.event_type
                          AND t.deactivated_at IS NULL OFFSET 0) t ON true
   ORDER BY k.number
), stored AS (
  INSERT INTO events (day, application_id, event_id, event_type, payload, payload_content_type, labels, metadata, source_ip, occurred_at)
  SELECT i.day, (%(kind_application_id)b::uuid[])[i.kind], i.event_id, i.event_type, i.payload, i.content_type, i.labels, coalesce(i.metadata, '{}'),
         i.source_ip, i.occurred_at
    FROM unnest(%(day)b::date[], %(kind)b::int4[], %(event_id)b::uuid[], %(event_type)b::text[], %(payload)b::bytea[],
                %(content_type)b::text[], %(labels)b::text[]::jsonb[], %(metadata)b::text[]::jsonb[], %(source_ip)b::text[],
                %(occurred_at)b::timestamptz[])
           AS i (day, kind, event_id, event_type, payload, content_type, labels, metadata, source_ip, occurred_at)
   WHERE (ARRAY (SELECT is_active FROM kind))[i.kind]
  ON CONFLICT DO NOTHING
  RETURNING application_id, event_id
), counted AS (                     -- of what nobody reads, the first runs last: its rows are locked for little more than the commit
  INSERT INTO event_counts AS c (application_id, day, slot, events)
  SELECT application_id, (now() AT TIME ZONE 'UTC')::date, %(slot)b::int2, count(*) FROM stored GROUP BY application_id ORDER BY application_id
  ON CONFLICT (application_id, day, slot) DO UPDATE SET events = c.events + excluded.events
), owed AS MATERIALIZED (           -- IS TRUE: without it, IN becomes a join, and without hash joins each event is compared with each
  SELECT o.*, CASE WHEN number <= %(places)b::int AND subscription_id <> ALL (%(full)b::uuid[]) THEN %(node)b::int END AS owner,
         -- UUIDv7s of the batch's time and randomness, each with 62 bits hashed from its number: gen_random_uuid costs 3 µs.
         (%(time_and_version)b::text || to_hex(hashint8extended(number, %(seed)b::int8) & ~(3::int8 << 62) | (1::int8 << 63)))::uuid AS id
    FROM (SELECT w.*, count(subscription_id) OVER (ROWS UNBOUNDED PRECEDING) AS number
            FROM (SELECT application_id, event_type, place, event_id, (%(day)b::date[])[place] AS day, (%(payload_size)b::int4[])[place] AS payload_size,
                         cardinality(subscription_ids) > %(broadcast)b::int AS is_broadcast,
                         unnest(CASE WHEN cardinality(subscription_ids) BETWEEN 1 AND %(broadcast)b::int THEN subscription_ids
                                     ELSE ARRAY[NULL::uuid] END) AS subscription_id
                    FROM (SELECT p.*, (%(event_id)b::uuid[])[place] AS event_id
                            FROM (SELECT k.*, unnest((%(by_kind)b::int4[])[k.first:k.last]) AS place FROM kind k) p) e
                   WHERE ((application_id, event_id) IN (SELECT application_id, event_id FROM stored)) IS TRUE) w) o
), broadcast AS (
  INSERT INTO fanouts (fanout_id, application_id, event_id, event_day, event_type, payload_size)
  SELECT uuid_v7(), application_id, event_id, day, event_type, payload_size FROM owed WHERE is_broadcast
), delivery AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size, owner)
  SELECT application_id, id, id, subscription_id, event_id, day, event_type, payload_size, owner FROM owed WHERE subscription_id IS NOT NULL
)
SELECT place, id AS delivery_id, subscription_id, CASE WHEN subscription_id IS NULL THEN is_broadcast ELSE owner IS NOT NULL END AS held,
       NULL::timestamptz AS received_at
  FROM owed
UNION ALL
SELECT NULL, NULL, NULL, NULL, now()

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
                              = (i.event_type, i.content_type, i.labels, coalesce(i.metadata, '{}'), i.payload)
                            AND e.occurred_at IS NOT DISTINCT FROM i.occurred_at AS same
                       FROM events e
                      WHERE e.day = coalesce(k.day, i.own_day, i.day) AND e.application_id = i.application_id AND e.event_id = i.event_id
                     OFFSET 0) e ON true
  LEFT JOIN LATERAL (SELECT true AS found FROM event_types t WHERE t.application_id = i.application_id AND t.event_type = i.event_type
                        AND t.deactivated_at IS NULL OFFSET 0) t ON true
