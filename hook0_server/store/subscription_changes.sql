-- name: changes
-- What was changed by transactions that the last look could not see, and the position for the next look. Rows may come twice.
-- Always at least one row. Index: subscriptions_by_change.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text, s.application_id, s.subscription_id, s.revision, s.is_enabled, s.deleted_at IS NOT NULL
  FROM (SELECT) one
  LEFT JOIN LATERAL (SELECT * FROM subscriptions WHERE changed_xid >= %(since)b::text::xid8 ORDER BY changed_xid OFFSET 0) s ON true

-- name: position
SELECT pg_snapshot_xmin(pg_current_snapshot())::text

-- name: load
-- What sending to a subscription needs. Index: subscriptions_by_id.
SELECT s.application_id, s.subscription_id, s.revision, s.is_enabled, s.deleted_at IS NOT NULL, s.retry_policy, s.delivery_options,
       s.secret_encrypted, r.target_encrypted
  FROM unnest(%(subscription_ids)b::uuid[]) AS i (subscription_id)
 CROSS JOIN LATERAL (SELECT * FROM subscriptions s WHERE s.subscription_id = i.subscription_id OFFSET 0) s
  LEFT JOIN LATERAL (SELECT r.target_encrypted FROM subscription_revisions r
                      WHERE r.application_id = s.application_id AND r.subscription_id = s.subscription_id AND r.revision = s.revision OFFSET 0) r ON true

-- name: park
-- A slice of a disabled subscription's waiting deliveries leaves the claim's way. Index: deliveries_by_subscription.
UPDATE deliveries d SET owner = 0
  FROM (SELECT application_id, delivery_id FROM deliveries
         WHERE application_id = %(application_id)b::uuid AND subscription_id = %(subscription_id)b::uuid AND owner IS NULL
         LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED) s
 WHERE d.application_id = ANY (ARRAY[s.application_id]) AND d.delivery_id = s.delivery_id
   AND EXISTS (SELECT FROM subscriptions x WHERE x.application_id = %(application_id)b::uuid AND x.subscription_id = %(subscription_id)b::uuid
                                             AND NOT x.is_enabled AND x.deleted_at IS NULL)
RETURNING d.delivery_id

-- name: release
-- A slice of an enabled subscription's parked deliveries may be claimed again. Index: deliveries_parked.
UPDATE deliveries d SET owner = NULL
  FROM (SELECT application_id, delivery_id FROM deliveries
         WHERE application_id = %(application_id)b::uuid AND subscription_id = %(subscription_id)b::uuid AND owner = 0
         LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED) s
 WHERE d.application_id = ANY (ARRAY[s.application_id]) AND d.delivery_id = s.delivery_id
   AND EXISTS (SELECT FROM subscriptions x WHERE x.application_id = %(application_id)b::uuid AND x.subscription_id = %(subscription_id)b::uuid AND x.is_enabled)
RETURNING d.delivery_id

-- name: cancel
-- A slice of a deleted subscription's deliveries that nobody holds ends: each leaves a final attempt without a request.
-- Indexes: deliveries_by_subscription, deliveries_parked.
WITH slice AS (
  SELECT application_id, delivery_id FROM deliveries
   WHERE application_id = %(application_id)b::uuid AND subscription_id = %(subscription_id)b::uuid AND owner IS NULL
   LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED
), parked AS (
  SELECT application_id, delivery_id FROM deliveries
   WHERE application_id = %(application_id)b::uuid AND subscription_id = %(subscription_id)b::uuid AND owner = 0
   LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED
), ended AS (
  DELETE FROM deliveries d USING (SELECT * FROM slice UNION ALL SELECT * FROM parked) s
   WHERE d.application_id = ANY (ARRAY[s.application_id]) AND d.delivery_id = s.delivery_id
  RETURNING d.*
)
INSERT INTO attempts (application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, attempt_number, takeover_count,
                      trigger, outcome, final, reason, delivery_created_at, created_at, finished_at)
SELECT application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, attempt_number, takeover_count,
       trigger, %(cancelled)b::int2, true, 'subscription_deleted', created_at, attempt_created_at, now()
  FROM ended
RETURNING delivery_id

-- name: parked_subscriptions
-- The slow pass: whose deliveries are parked, and what that subscription is now (null: gone). Index: deliveries_parked, a skip scan.
WITH RECURSIVE parked (application_id, subscription_id) AS (
  (SELECT application_id, subscription_id FROM deliveries WHERE owner = 0 ORDER BY application_id, subscription_id LIMIT 1)
  UNION ALL
  SELECT n.application_id, n.subscription_id
    FROM parked p
   CROSS JOIN LATERAL (SELECT application_id, subscription_id FROM deliveries
                        WHERE owner = 0 AND (application_id, subscription_id) > (p.application_id, p.subscription_id)
                        ORDER BY application_id, subscription_id LIMIT 1) n
)
SELECT p.application_id, p.subscription_id, s.is_enabled, s.deleted_at IS NOT NULL, (s.retry_policy ->> 'max_age')::float8
  FROM parked p
  LEFT JOIN LATERAL (SELECT * FROM subscriptions s WHERE s.application_id = p.application_id AND s.subscription_id = p.subscription_id OFFSET 0) s ON true

-- name: expire_parked
-- A slice of parked deliveries older than their max_age is given up, the oldest first. Index: deliveries_parked.
WITH slice AS (
  SELECT application_id, delivery_id FROM deliveries
   WHERE application_id = %(application_id)b::uuid AND subscription_id = %(subscription_id)b::uuid AND owner = 0
     AND created_at < now() - %(max_age)b::float8 * interval '1 s'
   ORDER BY created_at LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED
), ended AS (
  DELETE FROM deliveries d USING slice s WHERE d.application_id = ANY (ARRAY[s.application_id]) AND d.delivery_id = s.delivery_id RETURNING d.*
), dead AS (
  INSERT INTO dead_letters (day, application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                            attempt_number, takeover_count, trigger, reason, created_at)
  SELECT (now() AT TIME ZONE 'UTC')::date, application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
         attempt_number, takeover_count, trigger, 'max_age', created_at
    FROM ended
)
INSERT INTO attempts (application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, attempt_number, takeover_count,
                      trigger, outcome, final, dead, reason, delivery_created_at, created_at, finished_at)
SELECT application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, attempt_number, takeover_count,
       trigger, %(expired)b::int2, true, true, 'max_age', created_at, attempt_created_at, now()
  FROM ended
RETURNING delivery_id
