-- name: position
-- Now, as a position: the last attempt that no running transaction precedes. Always an attempt, never merely a transaction: the ids of
-- transactions that did not commit are given again after a crash. Index: attempts_feed, backwards.
SELECT i.feed_epoch, i.feed_ready, now(), pg_snapshot_xmin(pg_current_snapshot())::text::bigint, last.recorded_xid::text::bigint, last.attempt_id
  FROM instance i LEFT JOIN LATERAL (
    SELECT recorded_xid, attempt_id FROM attempts
     WHERE application_id = %(application_id)b::uuid AND recorded_xid < pg_snapshot_xmin(pg_current_snapshot())
     ORDER BY recorded_xid DESC, attempt_id DESC LIMIT 1) AS last ON true

-- name: oldest
-- The first day that is kept.
SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC'
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = to_regclass('attempts') AND NOT i.inhdetachpending

-- name: clock
-- No transaction of ours that began before this time is still open (nor anybody's that writes): nothing is recorded with an earlier
-- time any more. Taken before a page is read it holds for that page; 10 ms, as a transaction shows itself a moment after it began.
-- And: is this the cluster whose transaction ids positions hold?
SELECT least(activity.oldest, statement_timestamp()) - interval '10 ms', statement_timestamp(), i.system_identifier = c.system_identifier
  FROM instance i CROSS JOIN pg_control_system() c CROSS JOIN (
    SELECT min(xact_start) AS oldest FROM pg_stat_activity
     WHERE pid <> pg_backend_pid()
       AND (backend_xid IS NOT NULL OR datname = current_database() AND application_name LIKE 'hook0 %%'
            AND application_name NOT IN ('hook0 feed', 'hook0 vacuum'))) AS activity

-- name: start
-- Where to begin so that nothing recorded at `at` or later is missed: halving between the first and the newest transaction, each
-- probe one look into attempts_feed. The times that it compares follow the transactions but for seconds; `at` is a minute early.
WITH RECURSIVE search AS (
  SELECT 0::bigint AS low, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS high
   UNION ALL
  SELECT CASE WHEN is_early THEN middle ELSE low END, CASE WHEN is_early THEN high ELSE middle END
    FROM search
   CROSS JOIN LATERAL (SELECT low + (high - low) / 2 AS middle OFFSET 0) AS half
   CROSS JOIN LATERAL (SELECT coalesce((
     SELECT recorded_at < %(at)b::timestamptz FROM attempts
      WHERE application_id = %(application_id)b::uuid AND recorded_xid >= middle::text::xid8 AND recorded_at >= %(first_day)b::timestamptz
      ORDER BY recorded_xid, attempt_id LIMIT 1), false) AS is_early OFFSET 0) AS probe
   WHERE high - low > 1
)
SELECT max(low) FROM search

-- name: page
-- The next attempts after a position, in feed order, only of transactions that no running one precedes. Index: attempts_feed.
-- At most `scan` rows are read and then filtered, so a narrow filter costs no more than none; reading ends with the `take`th match
-- (a CTE is read as far as it is asked for). After fewer matches: `last_*`, the last row that was read, how many were (`scanned`),
-- and how many there are already (`ahead`) that a running transaction hides, with the oldest's time.
WITH page AS MATERIALIZED (
  SELECT * FROM attempts
   WHERE application_id = %(application_id)b::uuid AND (recorded_xid, attempt_id) > (%(xid)b::text::xid8, %(attempt_id)b::uuid)
     AND recorded_xid < pg_snapshot_xmin(pg_current_snapshot()) AND recorded_at >= %(since)b::timestamptz
   ORDER BY recorded_xid, attempt_id LIMIT %(scan)b::int
), matched AS MATERIALIZED (
  SELECT * FROM page
   WHERE (%(subscription_ids)b::uuid[] IS NULL OR subscription_id = ANY (%(subscription_ids)b::uuid[]))
     AND (%(event_ids)b::uuid[] IS NULL OR event_id = ANY (%(event_ids)b::uuid[]))
     AND (%(delivery_ids)b::uuid[] IS NULL OR delivery_id = ANY (%(delivery_ids)b::uuid[]))
     AND (%(event_types)b::text IS NULL OR event_type ~ %(event_types)b::text)
     AND (%(outcomes)b::int2[] IS NULL OR outcome = ANY (%(outcomes)b::int2[]))
     AND (final OR NOT %(only_final)b::bool)
     AND (%(finished_after)b::timestamptz IS NULL OR finished_at >= %(finished_after)b::timestamptz)
     AND (%(finished_before)b::timestamptz IS NULL OR finished_at < %(finished_before)b::timestamptz)
     AND (%(not_before)b::timestamptz IS NULL OR recorded_at >= %(not_before)b::timestamptz)
   LIMIT %(take)b::int
), ending AS MATERIALIZED (
  SELECT (SELECT count(*) FROM matched) < %(take)b::int AS reached
), last AS (
  SELECT recorded_xid, attempt_id, recorded_at, count(*) OVER () AS scanned FROM page
   WHERE (SELECT reached FROM ending) ORDER BY recorded_xid DESC, attempt_id DESC LIMIT 1
), hidden AS (
  SELECT count(*) AS ahead, min(recorded_at) AS since FROM (
    SELECT recorded_at FROM attempts
     WHERE (SELECT reached FROM ending) AND application_id = %(application_id)b::uuid
       AND recorded_xid >= pg_snapshot_xmin(pg_current_snapshot()) AND recorded_at >= %(since)b::timestamptz
     ORDER BY recorded_xid, attempt_id LIMIT %(ahead)b::int) AS first
)
SELECT i.feed_epoch, i.feed_ready,
       last.recorded_xid::text::bigint, last.attempt_id, last.recorded_at, coalesce(last.scanned, 0), hidden.ahead, hidden.since,
       m.recorded_at, m.recorded_xid::text::bigint, m.application_id, m.attempt_id, m.delivery_id, m.event_id, m.event_day, m.event_type,
       m.subscription_id, m.subscription_revision, m.attempt_number, m.takeover_count, m.trigger, m.outcome, m.final, m.dead, m.reason,
       m.http_status, m.elapsed, m.delivery_created_at, m.created_at, m.picked_at, m.finished_at, m.next_attempt_at, m.error_message,
       NULL::text, NULL::bytea, m.headers_truncated, m.body_truncated
  FROM instance i CROSS JOIN hidden LEFT JOIN last ON true LEFT JOIN matched m ON true
 ORDER BY m.recorded_xid, m.attempt_id
