-- name: existing
-- The database's day, and per parent every table that is named like one of its days: is it attached, was its detach interrupted.
SELECT (now() AT TIME ZONE 'UTC')::date, parent.relname, to_date(right(part.relname, 8), 'YYYYMMDD'),
       link.inhrelid IS NOT NULL, coalesce(link.inhdetachpending, false)
  FROM pg_class parent
  LEFT JOIN pg_class part ON part.relnamespace = parent.relnamespace AND part.relkind = 'r' AND part.relname ~ ('^' || parent.relname || '_[0-9]{8}$')
  LEFT JOIN pg_inherits link ON link.inhrelid = part.oid AND link.inhparent = parent.oid
 WHERE parent.oid IN (to_regclass('events'), to_regclass('attempts'), to_regclass('dead_letters'))
 ORDER BY 2, 3

-- name: serialize
-- One server at a time makes partitions; it ends with the transaction.
SELECT pg_advisory_xact_lock(%(key)b::bigint)

-- name: try_alone
-- One server at a time drops or rewrites old days; it ends with `not_alone` or the connection.
SELECT pg_try_advisory_lock(%(key)b::bigint)

-- name: not_alone
SELECT pg_advisory_unlock(%(key)b::bigint)

-- name: open_days
-- The event days that open work still refers to; their events are kept.
SELECT event_day FROM deliveries UNION SELECT event_day FROM fanouts
