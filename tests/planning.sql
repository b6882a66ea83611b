-- name: crowd
-- 500 small applications and one with 10,000 subscriptions, each with one event and its delivery; those of the large one all of one
-- subscription. A tenth is owned by node 7.
WITH owner AS (
  SELECT n, CASE WHEN n <= %(small)b::int THEN id ELSE %(large)b::uuid END AS application_id
    FROM generate_series(1, %(small)b::int + %(crowd)b::int) n, LATERAL (SELECT gen_random_uuid() AS id WHERE n > 0 OFFSET 0) i
), application AS (
  INSERT INTO applications (application_id, organization_id, name)
  SELECT DISTINCT application_id, %(organization)b::uuid, 'a' FROM owner ON CONFLICT DO NOTHING
), type AS (
  INSERT INTO event_types (application_id, event_type, candidates)
  SELECT DISTINCT application_id, 'order.paid', '{**,order.paid}'::text[] FROM owner ON CONFLICT DO NOTHING
), subscription AS (
  INSERT INTO subscriptions (application_id, subscription_id, is_enabled, event_types, labels, routing_label, metadata,
                             secret_encrypted)
  SELECT application_id, gen_random_uuid(), true, '{**}', jsonb_build_object('n', n::text), '1:n=' || n, '{}', '-' FROM owner
  RETURNING application_id, subscription_id
), target AS (
  INSERT INTO subscription_revisions (application_id, subscription_id, revision, target_encrypted)
  SELECT application_id, subscription_id, 1, '-' FROM subscription
), event AS (
  INSERT INTO events (day, application_id, event_id, event_type, payload, payload_content_type, labels, metadata)
  SELECT %(day)b::date, application_id, gen_random_uuid(), 'order.paid', '{}', 'application/json', '{}', '{}' FROM owner
  RETURNING application_id, event_id
)
INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                        next_attempt_at, owner)
SELECT e.application_id, e.event_id, e.event_id,
       CASE WHEN e.application_id = %(large)b::uuid THEN %(stuck)b::uuid ELSE e.event_id END,
       e.event_id, %(day)b::date, 'order.paid', 2, now() - interval '1 minute', CASE WHEN random() < 0.1 THEN 7 END
  FROM event e

-- name: aside
-- What lies beside the path: parked and cancelled deliveries, dead letters, secrets, types, keys, answers and ended subscriptions of
-- the large application.
WITH n AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, %(aside)b::int) n
), parked AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                          owner)
  SELECT %(large)b::uuid, id, id, %(parked)b::uuid, id, %(day)b::date, 'order.paid', 2, 0 FROM n
), asked AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                          owner, cancel_requested)
  SELECT %(large)b::uuid, gen_random_uuid(), id, id, id, %(day)b::date, 'order.paid', 2, 7, true FROM n LIMIT 20
), letter AS (
  INSERT INTO dead_letters (day, application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type,
                            payload_size, attempt_number, takeover_count, trigger, reason, created_at)
  SELECT %(day)b::date, %(large)b::uuid, gen_random_uuid(), id, id, id, %(day)b::date, 'order.paid', 2, 1, 0, 1, 'max_age', now() FROM n
), secret AS (
  INSERT INTO application_secrets (application_id, application_secret_id, secret_hash, secret_encrypted)
  SELECT %(large)b::uuid, id, sha256(uuid_send(id)), '-' FROM n
), type AS (
  INSERT INTO event_types (application_id, event_type, candidates)
  SELECT %(large)b::uuid, 'shop.n' || n, ARRAY['**', 'shop.n' || n] FROM n
), key AS (
  INSERT INTO event_keys (application_id, event_id, day) SELECT %(large)b::uuid, id, %(day)b::date FROM n
), ended AS (
  INSERT INTO subscriptions (application_id, subscription_id, is_enabled, event_types, labels, routing_label, metadata,
                             secret_encrypted, deleted_at)
  SELECT %(large)b::uuid, uuid_v7(), false, '{**}', '{}', '', '{}', '-', now() FROM n
)
INSERT INTO request_answers (scope, request_id, request_hash, answer_encrypted) SELECT 'x', id, '-', '-' FROM n
