-- name: forget_event_keys
-- A slice of the keys whose events were dropped. Index: event_keys_by_day.
DELETE FROM event_keys WHERE (application_id, event_id) IN (
  SELECT application_id, event_id FROM event_keys
   WHERE day < (now() AT TIME ZONE 'UTC')::date - %(retention_days)b::int AND to_regclass('events_' || to_char(day, 'YYYYMMDD')) IS NULL
   ORDER BY day LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED)

-- name: forget_request_answers
-- A slice of the answers that are repeated no more. Index: request_answers_by_age.
DELETE FROM request_answers WHERE (scope, request_id) IN (
  SELECT scope, request_id FROM request_answers WHERE created_at < now() - interval '24 hours'
   ORDER BY created_at LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED)

-- name: forget_subscriptions
-- A slice of the subscriptions that were deleted so long ago that no attempt of them is kept, with all their targets.
WITH forgotten AS (
  DELETE FROM subscriptions WHERE (application_id, subscription_id) IN (
    SELECT application_id, subscription_id FROM subscriptions
     WHERE deleted_at < ((now() AT TIME ZONE 'UTC')::date - %(retention_days)b::int) AT TIME ZONE 'UTC'
     LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED)
  RETURNING application_id, subscription_id
), targets AS (
  DELETE FROM subscription_revisions r USING forgotten f
   WHERE r.application_id = f.application_id AND r.subscription_id = f.subscription_id
)
SELECT count(*) FROM forgotten

-- name: forget_sessions
-- A slice of the sessions that nobody can go on with: an hour after, as servers' clocks differ. Index: sessions_by_expiry.
DELETE FROM sessions WHERE session_id IN (
  SELECT session_id FROM sessions WHERE expire_at < now() - interval '1 hour'
   ORDER BY expire_at LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED)

-- name: forget_event_counts
-- A slice of the counts of days that are kept no more. Index: event_counts_by_age.
DELETE FROM event_counts WHERE (application_id, day, slot) IN (
  SELECT application_id, day, slot FROM event_counts WHERE day + 0 < (now() AT TIME ZONE 'UTC')::date - %(retention_days)b::int
   ORDER BY day + 0 LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED)

-- name: forget_quota_notices
-- A slice of what was told on days that are over. Index: quota_notices_pkey.
DELETE FROM quota_notices WHERE (day, line, quota, owner_id) IN (
  SELECT day, line, quota, owner_id FROM quota_notices WHERE day < (now() AT TIME ZONE 'UTC')::date - 1
   ORDER BY day LIMIT %(slice)b::int FOR UPDATE SKIP LOCKED)

-- name: begin_vacuum
-- Whether enough of deliveries is dead, and no other server vacuums it now. The lock is the connection's.
SELECT CASE WHEN n_dead_tup >= %(least)b::bigint THEN pg_try_advisory_lock(%(key)b::bigint) ELSE false END
  FROM pg_stat_user_tables WHERE relid = to_regclass('deliveries')

-- name: vacuum_deliveries
-- By one node every 5 s while there is traffic: autovacuum looks once a minute, and claims slow down long before.
VACUUM (TRUNCATE OFF, PARALLEL 0, SKIP_LOCKED) deliveries

-- name: end_vacuum
SELECT pg_advisory_unlock(%(key)b::bigint)

-- name: oldest_writer
-- What holds the attempt feed back: the oldest open transaction that writes, in any database of this cluster. age in seconds; null
-- where this user may not know it.
SELECT datname, pid, application_name, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age
  FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
 UNION ALL
SELECT database, NULL, 'prepared transaction', extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts
 ORDER BY age DESC NULLS LAST LIMIT 1

-- name: look_by_index
-- Whatever is known of a table that grows and shrinks by millions: count along the indexes, and stop at the limit.
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off

-- name: backlog
-- What nobody holds: how many are due, wait for their time, and are parked, each counted up to `most`; and the seconds since the oldest was due.
-- Indexes: deliveries_by_time, deliveries_parked.
SELECT (SELECT count(*) FROM (SELECT FROM deliveries WHERE owner IS NULL AND next_attempt_at <= now()
                               ORDER BY next_attempt_at LIMIT %(most)b::int) d)::int,
       (SELECT count(*) FROM (SELECT FROM deliveries WHERE owner IS NULL AND next_attempt_at > now()
                               ORDER BY next_attempt_at LIMIT %(most)b::int) d)::int,
       (SELECT count(*) FROM (SELECT FROM deliveries WHERE owner = 0
                               ORDER BY application_id, subscription_id LIMIT %(most)b::int) d)::int,
       coalesce((SELECT greatest(extract(epoch FROM now() - next_attempt_at), 0) FROM deliveries
                  WHERE owner IS NULL ORDER BY next_attempt_at LIMIT 1), 0)::float8
