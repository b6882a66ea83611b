-- name: create
-- The subscription and the first version of its target.
WITH target AS (
  INSERT INTO subscription_revisions (application_id, subscription_id, revision, target_encrypted)
  VALUES (%(application_id)b, %(subscription_id)b, 1, %(target_sealed)b)
)
INSERT INTO subscriptions (application_id, subscription_id, is_enabled, description, event_types, labels, routing_label, metadata,
                           retry_policy, delivery_options, dedicated_workers, secret_encrypted)
VALUES (%(application_id)b, %(subscription_id)b, %(is_enabled)b, %(description)b, %(event_types)b::text[], %(labels)b,
        %(routing_label)b, %(metadata)b, %(retry_policy)b, %(delivery_options)b, %(dedicated_workers)b::text[], %(secret_sealed)b)
RETURNING revision, created_at, updated_at

-- name: get
-- With the target of its present revision. Indexes: subscriptions_pkey, subscription_revisions_pkey.
SELECT s.application_id, s.subscription_id, s.is_enabled, s.description, s.event_types, s.labels, s.metadata, s.retry_policy,
       s.delivery_options, r.target_encrypted, s.dedicated_workers, s.revision, s.created_at, s.updated_at
  FROM subscriptions s
  JOIN subscription_revisions r USING (application_id, subscription_id, revision)
 WHERE s.application_id = %(application_id)b AND s.subscription_id = %(subscription_id)b AND s.deleted_at IS NULL

-- name: page
-- Newest first (ids are version 7). Index: subscriptions_kept.
SELECT s.application_id, s.subscription_id, s.is_enabled, s.description, s.event_types, s.labels, s.metadata, s.retry_policy,
       s.delivery_options, r.target_encrypted, s.dedicated_workers, s.revision, s.created_at, s.updated_at
  FROM subscriptions s
  JOIN subscription_revisions r USING (application_id, subscription_id, revision)
 WHERE s.application_id = %(application_id)b AND s.deleted_at IS NULL
   AND (%(before)b::uuid IS NULL OR s.subscription_id < %(before)b::uuid)
 ORDER BY s.subscription_id DESC
 LIMIT %(size)b

-- name: kept_for_rest
-- Index: subscriptions_pkey. OFFSET 0: each is looked up by itself.
SELECT s.subscription_id, s.secret_encrypted, s.dedicated_workers
  FROM unnest(%(subscription_ids)b::uuid[]) AS k (subscription_id)
 CROSS JOIN LATERAL (SELECT s.subscription_id, s.secret_encrypted, s.dedicated_workers FROM subscriptions s
                      WHERE s.application_id = %(application_id)b AND s.subscription_id = k.subscription_id
                        AND s.deleted_at IS NULL OFFSET 0) s

-- name: application_of
-- Index: subscriptions_by_id.
SELECT application_id FROM subscriptions WHERE subscription_id = %(subscription_id)b AND deleted_at IS NULL

-- name: was_deleted
-- Index: subscriptions_pkey.
SELECT 1 FROM subscriptions
 WHERE application_id = %(application_id)b AND subscription_id = %(subscription_id)b AND deleted_at IS NOT NULL

-- name: lock
-- Before it is read to be changed. A statement of its own: one that waited for the lock while it joins would pair the new
-- revision with the targets of its old snapshot, and find nothing.
SELECT 1 FROM subscriptions
 WHERE application_id = %(application_id)b AND subscription_id = %(subscription_id)b AND deleted_at IS NULL
   FOR UPDATE

-- name: update
-- The next revision with its target. changed_xid is what the senders' caches read by.
WITH changed AS (
  UPDATE subscriptions
     SET is_enabled = %(is_enabled)b, description = %(description)b, event_types = %(event_types)b::text[], labels = %(labels)b,
         routing_label = %(routing_label)b, metadata = %(metadata)b, retry_policy = %(retry_policy)b,
         delivery_options = %(delivery_options)b, dedicated_workers = %(dedicated_workers)b::text[],
         revision = revision + 1, changed_xid = pg_current_xact_id(), updated_at = now()
   WHERE application_id = %(application_id)b AND subscription_id = %(subscription_id)b
  RETURNING application_id, subscription_id, revision, created_at, updated_at
), target AS (
  INSERT INTO subscription_revisions (application_id, subscription_id, revision, target_encrypted)
  SELECT application_id, subscription_id, revision, %(target_sealed)b::bytea FROM changed
)
SELECT revision, created_at, updated_at FROM changed

-- name: delete
UPDATE subscriptions
   SET is_enabled = false, deleted_at = now(), revision = revision + 1, changed_xid = pg_current_xact_id(), updated_at = now()
 WHERE application_id = %(application_id)b AND subscription_id = %(subscription_id)b AND deleted_at IS NULL
RETURNING subscription_id

-- name: delete_slice
-- Ends some of an application's subscriptions; answers a row for each. Index: subscriptions_kept.
WITH slice AS (
  SELECT application_id, subscription_id FROM subscriptions
   WHERE application_id = %(application_id)b AND deleted_at IS NULL
   ORDER BY subscription_id LIMIT %(size)b
     FOR UPDATE
)
UPDATE subscriptions s
   SET is_enabled = false, deleted_at = now(), revision = revision + 1, changed_xid = pg_current_xact_id(), updated_at = now()
  FROM slice
 WHERE s.application_id = slice.application_id AND s.subscription_id = slice.subscription_id
RETURNING 1

-- name: sharers
-- How many other enabled subscriptions of the application carry each of these label pairs. Up to 1,000 are looked at one by one;
-- where there are more, a pair that many of those carry is ranked behind without being counted: that would read all of them.
-- Indexes: subscriptions_kept, subscriptions_by_labels.
WITH sample AS MATERIALIZED (
  SELECT s.labels FROM subscriptions s
   WHERE s.application_id = %(application_id)b AND s.is_enabled AND s.deleted_at IS NULL AND s.subscription_id <> %(subscription_id)b
   ORDER BY s.subscription_id LIMIT 1000
), pair AS MATERIALIZED (
  SELECT label.key, label.value, (SELECT count(*)::int FROM sample WHERE sample.labels ->> label.key = label.value) AS sampled
    FROM jsonb_each_text(%(labels)b::jsonb) AS label
)
SELECT length(pair.key) || ':' || pair.key || '=' || pair.value,
       CASE WHEN (SELECT count(*) FROM sample) < 1000 THEN pair.sampled
            WHEN pair.sampled > 100 THEN 1000 + pair.sampled
            ELSE (SELECT count(*)::int
                    FROM (SELECT FROM subscriptions s
                           WHERE s.application_id = %(application_id)b AND s.is_enabled
                             AND s.subscription_id <> %(subscription_id)b AND s.labels @> jsonb_build_object(pair.key, pair.value)
                           LIMIT 1000) capped) END
  FROM pair
