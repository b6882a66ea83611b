-- Rows as the product leaves them, in bulk: real tables, all their indexes, and transactions of a size that commits.

-- name: prepare
-- Ids that can be computed again from their number: a UUIDv7 of that time. Gone with the connection.
CREATE FUNCTION pg_temp.id(at timestamptz, n bigint, kind bigint) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n & 4095), 3, '0')
          || to_hex(hashint8extended(n, kind) & ~(3::bigint << 62) | (1::bigint << 63)))::uuid
$$

-- name: type
INSERT INTO event_types (application_id, event_type, candidates) VALUES (%(application_id)s, %(event_type)s, %(candidates)s)
ON CONFLICT DO NOTHING

-- name: subscriptions
-- changed_xid 3: long ago, so that a running server does not take them for news.
COPY subscriptions (application_id, subscription_id, is_enabled, event_types, labels, routing_label, metadata, retry_policy,
                    secret_encrypted, changed_xid) FROM STDIN

-- name: targets
COPY subscription_revisions (application_id, subscription_id, revision, target_encrypted) FROM STDIN

-- name: event
-- One event that deliveries can refer to.
INSERT INTO events (day, application_id, event_id, event_type, payload, payload_content_type, labels, metadata)
VALUES ((now() AT TIME ZONE 'UTC')::date, %(application_id)s, %(event_id)s, %(event_type)s, %(payload)s, 'application/json', '{}', '{}')

-- name: waiting
-- One delivery of that event for each of the application's subscriptions, nobody's, due in so many seconds, `each` times.
INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                        attempt_number, next_attempt_at)
SELECT s.application_id, uuid_v7(), uuid_v7(), s.subscription_id, e.event_id, e.day, e.event_type, octet_length(e.payload),
       %(attempt_number)s, now() + (%(due_in)s + random()) * interval '1 s'
  FROM subscriptions s
  JOIN events e ON e.application_id = s.application_id AND e.event_id = %(event_id)s
 CROSS JOIN generate_series(1, %(each)s)
 WHERE s.application_id = %(application_id)s

-- name: open_deliveries
SELECT count(*) FROM deliveries

-- name: history
-- Events `first` to `last` of one day, spread over as much of it as has passed, each with `attempts` final attempts of as many
-- subscriptions; one in ten was a failure that went on.
WITH event AS MATERIALIZED (
  SELECT n, at, pg_temp.id(at, n, 1) AS event_id
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
   CROSS JOIN LATERAL (SELECT %(day)s::timestamp AT TIME ZONE 'UTC'
                              + (n::float8 / %(events)s) * least(interval '1 day', now() - %(day)s::timestamp AT TIME ZONE 'UTC') AS at) t
), stored AS (
  INSERT INTO events (day, application_id, event_id, event_type, payload, payload_content_type, labels, metadata, received_at)
  SELECT %(day)s, %(application_id)s, event_id, %(event_type)s, %(payload)s, 'application/json', '{"tenant": "acme"}', '{}', at FROM event
)
INSERT INTO attempts (recorded_at, application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id,
                      subscription_revision, attempt_number, takeover_count, trigger, outcome, final, reason, http_status, elapsed,
                      delivery_created_at, created_at, picked_at, finished_at, response_headers)
SELECT at, %(application_id)s, id, id, event_id, %(day)s, %(event_type)s,
       ((%(subscriptions)s::uuid[])[1 + (m %% cardinality(%(subscriptions)s::uuid[]))]),
       1, 1, 0, 1, CASE WHEN is_failed THEN 2 ELSE 1 END, NOT is_failed, CASE WHEN is_failed THEN 'retrying' ELSE 'succeeded' END,
       CASE WHEN is_failed THEN 500 ELSE 204 END, 1500, at, at, at, at, '{"content-length":"0"}'
  FROM event CROSS JOIN LATERAL (SELECT m, m %% 10 = 0 AS is_failed, pg_temp.id(at, m, 2) AS id
                                   FROM generate_series(n * %(attempts)s::bigint, n * %(attempts)s::bigint + %(attempts)s::bigint - 1) m) a

-- name: settle_subscriptions
-- What autovacuum would have done by and by; below too.
VACUUM (ANALYZE) subscriptions, subscription_revisions

-- name: settle_history
VACUUM (ANALYZE) events, attempts
