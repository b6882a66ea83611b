-- name: existing
-- The day partitions there are: parent and name.
SELECT p.relname, c.relname
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
  JOIN pg_class p ON p.oid = i.inhparent
 WHERE p.oid IN (to_regclass('events'), to_regclass('attempts'), to_regclass('dead_letters'))

-- name: oldest_open_day
-- The oldest event day that open work still refers to; its partition is kept.
SELECT least((SELECT min(event_day) FROM deliveries), (SELECT min(event_day) FROM fanouts))
