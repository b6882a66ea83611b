-- The tables and statements of the yardstick: the least that stores an event, fans it out, and keeps what came of it.

-- name: schema
-- One application with one subscription that matches everything the load publishes, among subscriptions of others.
CREATE TABLE events (
  event_id uuid PRIMARY KEY, application_id uuid NOT NULL, event_type text NOT NULL, payload bytea NOT NULL, content_type text NOT NULL,
  labels jsonb NOT NULL, occurred_at timestamptz NOT NULL, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE subscriptions (
  subscription_id uuid PRIMARY KEY, application_id uuid NOT NULL, event_types text[] NOT NULL, labels jsonb NOT NULL, is_enabled bool NOT NULL);
CREATE TABLE deliveries (
  delivery_id uuid PRIMARY KEY, event_id uuid NOT NULL, subscription_id uuid NOT NULL, owner int,
  next_attempt_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE attempts (
  attempt_id uuid PRIMARY KEY, event_id uuid NOT NULL, subscription_id uuid NOT NULL, application_id uuid NOT NULL, http_status int2 NOT NULL,
  elapsed_ms int4 NOT NULL, headers jsonb NOT NULL, body bytea NOT NULL, finished_at timestamptz NOT NULL DEFAULT now(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id());
INSERT INTO subscriptions VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '{a.b.c}', '{"tenant": "acme"}', true);
INSERT INTO subscriptions SELECT gen_random_uuid(), gen_random_uuid(), '{a.b.c}', '{}', true FROM generate_series(1, 500);
CREATE INDEX ON subscriptions (application_id) WHERE is_enabled;
CREATE INDEX ON deliveries (next_attempt_at) WHERE owner IS NULL;
CREATE INDEX ON attempts (application_id, xid, attempt_id);
ANALYZE subscriptions;

-- name: publish
-- Stores new events and their deliveries, owned from the start; answers the deliveries.
WITH stored AS (
  INSERT INTO events (event_id, application_id, event_type, payload, content_type, labels, occurred_at)
  SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::bytea[], %b::text[], %b::text[]::jsonb[], %b::timestamptz[])
  ON CONFLICT DO NOTHING
  RETURNING event_id, application_id, event_type, labels
)
INSERT INTO deliveries (delivery_id, event_id, subscription_id, owner)
SELECT gen_random_uuid(), e.event_id, s.subscription_id, 1
  FROM stored e
  JOIN subscriptions s ON s.application_id = e.application_id AND s.is_enabled AND e.event_type = ANY (s.event_types) AND e.labels @> s.labels
RETURNING delivery_id, event_id, subscription_id

-- name: record
-- Ends deliveries and keeps their attempts.
WITH ended AS (
  SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::int2[], %b::int4[], %b::text[]::jsonb[], %b::bytea[])
             AS i (delivery_id, event_id, subscription_id, application_id, http_status, elapsed_ms, headers, body)
), delivered AS (
  DELETE FROM deliveries d USING ended WHERE d.delivery_id = ended.delivery_id
)
INSERT INTO attempts (attempt_id, event_id, subscription_id, application_id, http_status, elapsed_ms, headers, body) SELECT * FROM ended
