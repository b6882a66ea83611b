-- name: record
-- One batch of finished attempts: ended deliveries deleted, retried ones rescheduled and let go, every attempt kept, given-up ones
-- remembered. `delay` null: ended; `dead`: a dead letter too; `parked`: its subscription is disabled. Nothing is written for a delivery
-- that this node no longer holds under this attempt: attempts come from what the DELETE and the UPDATE return.
-- A retry whose cancellation was asked for is due at once, and ended when it is claimed. Next times are by the database's clock.
-- Answers how many were recorded, and how many of them are due at once. Index: deliveries_pkey.
-- `= ANY (ARRAY[…])` of the key's first column, here and wherever rows of deliveries are joined by key: where the table was vacuumed
-- while it was empty, the planner expects no rows and with "=" reads the whole key in order, as if to merge (4 s a batch, not 30 ms).
WITH done AS MATERIALIZED (
  SELECT * FROM unnest(%(application_id)b::uuid[], %(delivery_id)b::uuid[], %(attempt_id)b::uuid[], %(next_attempt_id)b::uuid[], %(delay)b::float8[],
                       %(dead)b::bool[], %(parked)b::bool[], %(reason)b::text[], %(outcome)b::int2[], %(http_status)b::int2[], %(elapsed)b::int4[],
                       %(revision)b::int4[], %(picked_at)b::timestamptz[], %(finished_at)b::timestamptz[], %(error_message)b::text[],
                       %(headers)b::text[], %(body)b::bytea[], %(headers_truncated)b::bool[], %(body_truncated)b::bool[])
         AS i (application_id, delivery_id, attempt_id, next_attempt_id, delay, dead, parked, reason, outcome, http_status, elapsed,
               revision, picked_at, finished_at, error_message, headers, body, headers_truncated, body_truncated)
), ended AS (
  DELETE FROM deliveries d USING done i
   WHERE i.delay IS NULL AND d.application_id = ANY (ARRAY[i.application_id]) AND d.delivery_id = i.delivery_id
     AND d.attempt_id = i.attempt_id AND d.owner = %(node)b::int
  RETURNING d.application_id, i.attempt_id, d.delivery_id, d.event_id, d.event_day, d.event_type, d.payload_size, d.subscription_id,
            i.revision, d.attempt_number, d.takeover_count, d.trigger, i.outcome, true AS final, i.dead, i.reason, i.http_status, i.elapsed,
            d.created_at AS delivery_created_at, d.attempt_created_at AS created_at, i.picked_at, i.finished_at, NULL::timestamptz AS next_attempt_at,
            i.error_message, i.headers, i.body, i.headers_truncated, i.body_truncated
), retried AS (
  UPDATE deliveries d
     SET owner = CASE WHEN i.parked AND NOT d.cancel_requested THEN 0 END, attempt_id = i.next_attempt_id, attempt_number = d.attempt_number + 1, trigger = 1,
         takeover_count = 0, started_at = NULL, attempt_created_at = now(),
         next_attempt_at = CASE WHEN d.cancel_requested THEN now() ELSE now() + i.delay * interval '1 s' END
    FROM done i
   CROSS JOIN LATERAL (SELECT o.takeover_count, o.trigger, o.attempt_created_at FROM deliveries o      -- what the UPDATE overwrites
                        WHERE o.application_id = i.application_id AND o.delivery_id = i.delivery_id OFFSET 0) old
   WHERE i.delay IS NOT NULL AND d.application_id = ANY (ARRAY[i.application_id]) AND d.delivery_id = i.delivery_id
     AND d.attempt_id = i.attempt_id AND d.owner = %(node)b::int
  RETURNING d.application_id, i.attempt_id, d.delivery_id, d.event_id, d.event_day, d.event_type, d.payload_size, d.subscription_id,
            i.revision, (d.attempt_number - 1)::int2 AS attempt_number, old.takeover_count, old.trigger, i.outcome, false AS final, false AS dead,
            i.reason, i.http_status, i.elapsed, d.created_at AS delivery_created_at, old.attempt_created_at AS created_at, i.picked_at, i.finished_at,
            d.next_attempt_at, i.error_message, i.headers, i.body, i.headers_truncated, i.body_truncated
), dead AS (
  INSERT INTO dead_letters (day, application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                            attempt_number, takeover_count, trigger, reason, created_at)
  SELECT (now() AT TIME ZONE 'UTC')::date, application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
         attempt_number, takeover_count, trigger, reason, delivery_created_at
    FROM ended WHERE dead
), written AS (
  INSERT INTO attempts (application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, subscription_revision,
                        attempt_number, takeover_count, trigger, outcome, final, dead, reason, http_status, elapsed, delivery_created_at,
                        created_at, picked_at, finished_at, next_attempt_at, error_message, response_headers, response_body,
                        headers_truncated, body_truncated)
  SELECT application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, revision,
         attempt_number, takeover_count, trigger, outcome, final, dead, reason, http_status, elapsed, delivery_created_at,
         created_at, picked_at, finished_at, next_attempt_at, error_message, headers, body, headers_truncated, body_truncated
    FROM (SELECT * FROM ended UNION ALL SELECT * FROM retried) a
  RETURNING final, next_attempt_at
)
SELECT count(*)::int, (count(*) FILTER (WHERE NOT final AND next_attempt_at <= now()))::int FROM written

-- name: record_ended
-- The same where every delivery has ended and none was given up, as nearly always: PostgreSQL spends a sixth less on it.
-- Answers how many were recorded. Index: deliveries_pkey.
WITH ended AS (
  DELETE FROM deliveries d
   USING unnest(%(application_id)b::uuid[], %(delivery_id)b::uuid[], %(attempt_id)b::uuid[], %(reason)b::text[], %(outcome)b::int2[],
                %(http_status)b::int2[], %(elapsed)b::int4[], %(revision)b::int4[], %(picked_at)b::timestamptz[],
                %(finished_at)b::timestamptz[], %(error_message)b::text[], %(headers)b::text[], %(body)b::bytea[],
                %(headers_truncated)b::bool[], %(body_truncated)b::bool[])
         AS i (application_id, delivery_id, attempt_id, reason, outcome, http_status, elapsed, revision, picked_at, finished_at,
               error_message, headers, body, headers_truncated, body_truncated)
   WHERE d.application_id = ANY (ARRAY[i.application_id]) AND d.delivery_id = i.delivery_id
     AND d.attempt_id = i.attempt_id AND d.owner = %(node)b::int
  RETURNING d.application_id, i.attempt_id, d.delivery_id, d.event_id, d.event_day, d.event_type, d.subscription_id,
            i.revision, d.attempt_number, d.takeover_count, d.trigger, i.outcome, i.reason, i.http_status, i.elapsed,
            d.created_at AS delivery_created_at, d.attempt_created_at AS created_at, i.picked_at, i.finished_at,
            i.error_message, i.headers, i.body, i.headers_truncated, i.body_truncated
), written AS (
  INSERT INTO attempts (application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, subscription_revision,
                        attempt_number, takeover_count, trigger, outcome, final, reason, http_status, elapsed, delivery_created_at,
                        created_at, picked_at, finished_at, error_message, response_headers, response_body,
                        headers_truncated, body_truncated)
  SELECT application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, revision,
         attempt_number, takeover_count, trigger, outcome, true, reason, http_status, elapsed, delivery_created_at,
         created_at, picked_at, finished_at, error_message, headers, body,
         headers_truncated, body_truncated
    FROM ended
)
SELECT count(*)::int FROM ended
