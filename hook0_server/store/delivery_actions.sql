-- Operators against nodes. Each statement acts only on what it finds in the right place and answers whether it did; where it did
-- nothing the caller looks, and tries again when the row has moved meanwhile. A row that a node is about to claim or to record is
-- waited for, and its condition asked again of what the node left.

-- name: retry
-- Makes a waiting delivery due (a parked one too, if its subscription was just enabled), or revives a dead letter, if its subscription is enabled (and, of a dead letter, the event kept).
-- Indexes: deliveries_pkey, dead_letters_pkey, subscriptions_pkey, events_pkey. OFFSET 0 keeps each probe a probe: as joins they read
-- every event of the application.
WITH hurried AS (
  UPDATE deliveries d
     SET owner = NULL, next_attempt_at = now(), trigger = 2
   WHERE d.application_id = %(application_id)b::uuid AND d.delivery_id = %(delivery_id)b::uuid AND (d.owner IS NULL OR d.owner = 0)
     AND EXISTS (SELECT FROM subscriptions s
                  WHERE s.application_id = d.application_id AND s.subscription_id = d.subscription_id AND s.is_enabled OFFSET 0)
  RETURNING d.delivery_id
), dead AS (
  DELETE FROM dead_letters l
   WHERE l.application_id = %(application_id)b::uuid AND l.delivery_id = %(delivery_id)b::uuid AND l.day >= %(since)b::date
     AND EXISTS (SELECT FROM subscriptions s
                  WHERE s.application_id = l.application_id AND s.subscription_id = l.subscription_id AND s.is_enabled OFFSET 0)
     AND EXISTS (SELECT FROM events e
                  WHERE e.day = l.event_day AND e.application_id = l.application_id AND e.event_id = l.event_id OFFSET 0)
  RETURNING l.*
), revived AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                          attempt_number, trigger, created_at)
  SELECT application_id, delivery_id, uuid_v7(), subscription_id, event_id, event_day, event_type, payload_size,
         least(attempt_number, 32766) + 1, 2, created_at
    FROM dead
  RETURNING delivery_id
)
SELECT delivery_id FROM hurried UNION ALL SELECT delivery_id FROM revived

-- name: cancel
-- Ends a delivery that no node holds with a final attempt, or asks the node that holds it to. Answers whether it was ended.
-- Index: deliveries_pkey.
WITH ended AS (
  DELETE FROM deliveries
   WHERE application_id = %(application_id)b::uuid AND delivery_id = %(delivery_id)b::uuid AND (owner IS NULL OR owner = 0)
  RETURNING *
), noted AS (
  INSERT INTO attempts (application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, attempt_number,
                        takeover_count, trigger, outcome, final, reason, delivery_created_at, created_at, finished_at)
  SELECT application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, attempt_number,
         takeover_count, trigger, 10, true, 'cancelled', created_at, attempt_created_at, now()
    FROM ended
  RETURNING delivery_id
), asked AS (
  UPDATE deliveries
     SET cancel_requested = true
   WHERE application_id = %(application_id)b::uuid AND delivery_id = %(delivery_id)b::uuid AND owner > 0
  RETURNING delivery_id
)
SELECT true AS ended FROM noted UNION ALL SELECT false FROM asked

-- name: circumstances
-- Why a delivery to this subscription cannot be retried: whether it exists, is enabled, and the event of a dead letter is kept.
SELECT EXISTS (SELECT FROM subscriptions s WHERE s.application_id = %(application_id)b::uuid
                  AND s.subscription_id = %(subscription_id)b::uuid AND s.deleted_at IS NULL),
       EXISTS (SELECT FROM subscriptions s WHERE s.application_id = %(application_id)b::uuid
                  AND s.subscription_id = %(subscription_id)b::uuid AND s.is_enabled),
       EXISTS (SELECT FROM dead_letters l
                 JOIN events e ON e.day = l.event_day AND e.application_id = l.application_id AND e.event_id = l.event_id
                WHERE l.application_id = %(application_id)b::uuid AND l.delivery_id = %(delivery_id)b::uuid AND l.day >= %(since)b::date)

-- name: replay
-- New deliveries of one event, unowned: to `only` if it is enabled and matches, or to everybody who matches now; a broadcast where
-- they are more than `broadcast`. Matched as publish matches. Answers whether the event is there, whether `only` is and is enabled,
-- and how many matched (broadcast + 1: more than that). own_day: of a UUIDv7.
-- Indexes: event_keys_pkey, events_pkey, event_types_pkey, subscriptions_by_route, subscriptions_pkey.
WITH event AS MATERIALIZED (
  SELECT e.day, e.application_id, e.event_id, e.event_type, e.labels, octet_length(e.payload) AS payload_size, t.candidates
    FROM (SELECT %(own_day)b::date AS day
          UNION SELECT k.day FROM (SELECT k.day FROM event_keys k
                                    WHERE k.application_id = %(application_id)b::uuid AND k.event_id = %(event_id)b::uuid OFFSET 0) k) place
   CROSS JOIN LATERAL (
         SELECT * FROM events e
          WHERE e.day = place.day AND e.application_id = %(application_id)b::uuid AND e.event_id = %(event_id)b::uuid OFFSET 0) e
    LEFT JOIN event_types t USING (application_id, event_type)
   LIMIT 1
), named AS MATERIALIZED (
  SELECT s.subscription_id, s.is_enabled, s.labels, s.event_types FROM subscriptions s
   WHERE s.application_id = %(application_id)b::uuid AND s.subscription_id = %(only)b::uuid AND s.deleted_at IS NULL
), matched AS MATERIALIZED (
  SELECT s.subscription_id
    FROM event e
   CROSS JOIN LATERAL (
         SELECT '' AS label UNION ALL SELECT '=' || e.event_type
         UNION ALL SELECT length(key) || ':' || key || '=' || value FROM jsonb_each_text(e.labels) OFFSET 0) route
   CROSS JOIN LATERAL (
         SELECT s.subscription_id FROM subscriptions s
          WHERE uuid_send(s.application_id) = uuid_send(e.application_id) AND s.routing_label = route.label AND s.is_enabled
            AND e.labels @> s.labels AND e.candidates && s.event_types OFFSET 0) s
   WHERE %(only)b::uuid IS NULL
   LIMIT %(broadcast)b::int + 1
), chosen AS MATERIALIZED (
  SELECT subscription_id FROM matched
  UNION ALL
  SELECT n.subscription_id FROM event e CROSS JOIN named n
   WHERE n.is_enabled AND e.labels @> n.labels AND e.candidates && n.event_types
), stored AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size, trigger)
  SELECT application_id, id, id, subscription_id, event_id, day, event_type, payload_size, 3
    FROM (SELECT e.*, c.subscription_id, uuid_v7() AS id FROM event e CROSS JOIN chosen c OFFSET 0) w
   WHERE (SELECT count(*) FROM chosen) <= %(broadcast)b::int
), broadcast AS (
  INSERT INTO fanouts (fanout_id, application_id, event_id, event_day, event_type, payload_size, trigger)
  SELECT uuid_v7(), application_id, event_id, day, event_type, payload_size, 3 FROM event
   WHERE (SELECT count(*) FROM chosen) > %(broadcast)b::int
)
SELECT EXISTS (SELECT FROM event), EXISTS (SELECT FROM named), EXISTS (SELECT FROM named WHERE is_enabled),
       (SELECT count(*) FROM chosen)::int
