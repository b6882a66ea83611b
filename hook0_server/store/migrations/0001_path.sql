-- The path: applications and what they own, events, deliveries, attempts, nodes.
--
-- Hot tables have no foreign keys: they cost about 30 % of a publish, and the publishing statement checks existence itself.
-- Every key of tenant data holds application_id. `revision` is what an etag shows. Partitions are made by store/partitions.

-- One row: what must be the same for every server on this database.
CREATE TABLE instance (
  only_row          bool PRIMARY KEY DEFAULT true CHECK (only_row),
  system_identifier bigint NOT NULL,                 -- of the cluster whose transaction ids recorded_xid holds
  feed_epoch        uuid   NOT NULL,                 -- in every cursor; a new one when the cluster changed
  feed_ready        bool   NOT NULL DEFAULT true,    -- false while recorded_xid of older rows is being set to 0
  key_checks        jsonb  NOT NULL DEFAULT '{}'     -- encryption key id → check value
);

CREATE TABLE organizations (
  organization_id uuid PRIMARY KEY,
  name            text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE applications (
  application_id  uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  name            text NOT NULL,
  revision        bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  deleted_at      timestamptz
);
CREATE INDEX applications_by_organization ON applications (organization_id, application_id) WHERE deleted_at IS NULL;

CREATE TABLE application_secrets (
  application_id        uuid NOT NULL REFERENCES applications,
  application_secret_id uuid NOT NULL,
  name                  text NOT NULL DEFAULT '',
  secret_hash           bytea NOT NULL CHECK (length(secret_hash) = 32),  -- SHA-256; what is looked up by value
  secret_encrypted      bytea NOT NULL,
  created_at            timestamptz NOT NULL DEFAULT now(),
  deleted_at            timestamptz,
  PRIMARY KEY (application_id, application_secret_id)
);
CREATE UNIQUE INDEX application_secrets_by_hash ON application_secrets (secret_hash);

-- candidates: every pattern that matches this type (3 segments: 15, 5 segments: 63), computed once when it is created.
CREATE TABLE event_types (
  application_id uuid NOT NULL REFERENCES applications,
  event_type     text NOT NULL,
  candidates     text[] NOT NULL,
  description    text NOT NULL DEFAULT '',
  revision       bigint NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  deactivated_at timestamptz,
  PRIMARY KEY (application_id, event_type)
);

-- routing_label: 'length of key:key=value' of its most selective label; '=type' where it has no labels and exactly one plain type; else ''.
-- changed_xid: the transaction of the last change; readers ask for what is not older than their last snapshot.
CREATE TABLE subscriptions (
  application_id   uuid NOT NULL REFERENCES applications,
  subscription_id  uuid NOT NULL,
  is_enabled       bool NOT NULL,
  description      text NOT NULL DEFAULT '',
  event_types      text[] NOT NULL CHECK (cardinality(event_types) BETWEEN 1 AND 100),
  labels           jsonb NOT NULL,
  routing_label    text NOT NULL,
  metadata         jsonb NOT NULL,
  retry_policy     jsonb NOT NULL DEFAULT '{}',      -- what the caller set; absent members have the defaults
  delivery_options jsonb NOT NULL DEFAULT '{}',
  secret_encrypted bytea NOT NULL,
  revision         int NOT NULL DEFAULT 1,
  changed_xid      xid8 NOT NULL DEFAULT pg_current_xact_id(),
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  deleted_at       timestamptz CHECK (deleted_at IS NULL OR NOT is_enabled),
  PRIMARY KEY (application_id, subscription_id)
);
-- uuid_send: this index and the primary key serve different conditions. Planned while the table was small, both look alike, and a probe
-- of one label by (application_id) alone reads every subscription of the application.
CREATE INDEX subscriptions_by_route ON subscriptions (uuid_send(application_id), routing_label) WHERE is_enabled;
CREATE INDEX subscriptions_by_change ON subscriptions (changed_xid);
CREATE UNIQUE INDEX subscriptions_by_id ON subscriptions (subscription_id);
-- Deleted ones stay as long as their attempts do: pages and deletions would read them again and again.
CREATE INDEX subscriptions_kept ON subscriptions (application_id, subscription_id) WHERE deleted_at IS NULL;

-- How many enabled subscriptions of an application carry each label pair is asked when one is saved.
CREATE INDEX subscriptions_by_labels ON subscriptions USING gin (labels jsonb_path_ops) WITH (fastupdate = off) WHERE is_enabled;

-- Each version of a target once, so that what was sent can be shown without storing it with every attempt.
-- target_encrypted: JSON {method, url, headers}.
CREATE TABLE subscription_revisions (
  application_id   uuid NOT NULL,
  subscription_id  uuid NOT NULL,
  revision         int  NOT NULL,
  target_encrypted bytea NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (application_id, subscription_id, revision)
);

-- Answers of requests with a request_id, kept for 24 hours.
CREATE TABLE request_answers (
  scope            text NOT NULL,                    -- operation and the parent's id
  request_id       uuid NOT NULL,
  request_hash     bytea NOT NULL,
  answer_encrypted bytea NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, request_id)
);
CREATE INDEX request_answers_by_age ON request_answers (created_at);

-- occurred_at null: the caller gave none; it is shown as received_at.
CREATE TABLE events (
  day                  date NOT NULL,
  application_id       uuid NOT NULL,
  event_id             uuid NOT NULL,
  event_type           text NOT NULL,
  payload              bytea NOT NULL,
  payload_content_type text NOT NULL,
  labels               jsonb NOT NULL,
  metadata             jsonb NOT NULL,
  source_ip            text,
  occurred_at          timestamptz,
  ordering_key         text,
  deliver_at           timestamptz,
  expire_at            timestamptz,
  received_at          timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (day);
CREATE INDEX events_by_time ON events (application_id, received_at, event_id);
ALTER TABLE events ADD PRIMARY KEY (day, application_id, event_id);  -- after the other index: it wins where both look alike to the planner
ALTER TABLE events ALTER payload SET STORAGE EXTERNAL;  -- pglz costs 107 µs for 8 KiB

-- Only for ids that do not carry their own day.
CREATE TABLE event_keys (
  application_id uuid NOT NULL,
  event_id       uuid NOT NULL,
  day            date NOT NULL,
  PRIMARY KEY (application_id, event_id)
);
CREATE INDEX event_keys_by_day ON event_keys (day);

-- A node is one start of one process; beat is what the others watch.
CREATE TABLE nodes (
  node_id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  beat       bigint NOT NULL DEFAULT 0,
  is_sending bool NOT NULL,                          -- has the delivery role: concurrency is divided among these
  host       text NOT NULL,
  pid        int NOT NULL,
  version    text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);

-- Open work only. owner: null = may be claimed; 0 = parked (disabled subscription); else the node that holds it.
-- No update of it is ever HOT (owner and next_attempt_at are in the indexes), so fillfactor stays 100; the server vacuums it.
-- started_at: set before it is sent once it was taken over often. lane, sequence: for ordered deliveries, which come later.
CREATE TABLE deliveries (
  application_id     uuid NOT NULL,
  delivery_id        uuid NOT NULL,
  attempt_id         uuid NOT NULL,
  subscription_id    uuid NOT NULL,
  event_id           uuid NOT NULL,
  event_day          date NOT NULL,
  event_type         text NOT NULL,
  payload_size       int  NOT NULL,
  owner              int,
  owned_at           timestamptz NOT NULL DEFAULT now(),
  attempt_number     smallint NOT NULL DEFAULT 1,
  takeover_count     smallint NOT NULL DEFAULT 0,
  trigger            smallint NOT NULL DEFAULT 1,
  cancel_requested   bool NOT NULL DEFAULT false,
  started_at         timestamptz,
  next_attempt_at    timestamptz NOT NULL DEFAULT now(),
  attempt_created_at timestamptz NOT NULL DEFAULT now(),
  created_at         timestamptz NOT NULL DEFAULT now(),
  lane               uuid,
  sequence           bigint,
  PRIMARY KEY (application_id, delivery_id)
) WITH (vacuum_truncate = off);
CREATE INDEX deliveries_by_time ON deliveries (next_attempt_at) WHERE owner IS NULL;
CREATE INDEX deliveries_by_subscription ON deliveries (application_id, subscription_id, next_attempt_at) WHERE owner IS NULL;
CREATE INDEX deliveries_parked ON deliveries (application_id, subscription_id, created_at) WHERE owner = 0;
CREATE INDEX deliveries_to_cancel ON deliveries (application_id, delivery_id) WHERE cancel_requested;

-- A broadcast: one event for more than 1,000 subscriptions, expanded in slices. position: the last subscription that was done.
CREATE TABLE fanouts (
  fanout_id      uuid PRIMARY KEY,
  application_id uuid NOT NULL,
  event_id       uuid NOT NULL,
  event_day      date NOT NULL,
  event_type     text NOT NULL,
  payload_size   int  NOT NULL,
  trigger        smallint NOT NULL DEFAULT 1,
  position       uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  created_at     timestamptz NOT NULL DEFAULT now()
);

-- Append-only. A final row is the finished delivery. elapsed in microseconds; response_headers a JSON object as text.
CREATE TABLE attempts (
  recorded_at           timestamptz NOT NULL DEFAULT now(),
  recorded_xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
  application_id        uuid NOT NULL,
  attempt_id            uuid NOT NULL,
  delivery_id           uuid NOT NULL,
  event_id              uuid NOT NULL,
  event_day             date NOT NULL,
  event_type            text NOT NULL,
  subscription_id       uuid NOT NULL,
  subscription_revision int,                         -- null: nothing was sent
  attempt_number        smallint NOT NULL,           -- from 1
  takeover_count        smallint NOT NULL,
  trigger               smallint NOT NULL,
  outcome               smallint NOT NULL,
  final                 bool NOT NULL,
  dead                  bool NOT NULL DEFAULT false, -- final, and given up: there was a dead letter
  reason                text NOT NULL,               -- Delivery.state_reason as of this attempt
  http_status           smallint,
  elapsed               int,
  delivery_created_at   timestamptz NOT NULL,
  created_at            timestamptz NOT NULL,
  picked_at             timestamptz,
  finished_at           timestamptz NOT NULL,
  next_attempt_at       timestamptz,
  error_message         text,
  response_headers      text,
  response_body         bytea,
  headers_truncated     bool NOT NULL DEFAULT false,
  body_truncated        bool NOT NULL DEFAULT false,
  PRIMARY KEY (application_id, attempt_id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX attempts_feed ON attempts (application_id, recorded_xid, attempt_id);
CREATE INDEX attempts_by_event ON attempts (application_id, event_id);
CREATE INDEX attempts_by_subscription ON attempts (application_id, subscription_id, attempt_id);
CREATE INDEX attempts_final ON attempts (application_id, delivery_id) WHERE final;
CREATE INDEX attempts_by_time ON attempts USING brin (recorded_at);
ALTER TABLE attempts ALTER response_body SET STORAGE EXTERNAL;

-- Given up, can be retried. day: when it died.
CREATE TABLE dead_letters (
  day             date NOT NULL,
  application_id  uuid NOT NULL,
  delivery_id     uuid NOT NULL,
  attempt_id      uuid NOT NULL,
  subscription_id uuid NOT NULL,
  event_id        uuid NOT NULL,
  event_day       date NOT NULL,
  event_type      text NOT NULL,
  payload_size    int NOT NULL,
  attempt_number  smallint NOT NULL,
  takeover_count  smallint NOT NULL,
  trigger         smallint NOT NULL,
  reason          text NOT NULL,
  created_at      timestamptz NOT NULL,
  died_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (application_id, delivery_id, day)
) PARTITION BY RANGE (day);
CREATE INDEX dead_letters_by_subscription ON dead_letters (application_id, subscription_id, delivery_id);

-- A UUIDv7 of the statement's time in a select list (PostgreSQL has its own only from 18 on). As a LATERAL item it could be run once for all rows.
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
           PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;
