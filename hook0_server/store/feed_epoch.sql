-- name: make
-- The one row, made by whoever comes first.
INSERT INTO instance (system_identifier, feed_epoch) SELECT system_identifier, gen_random_uuid() FROM pg_control_system()
ON CONFLICT (only_row) DO NOTHING

-- name: is_open
SELECT i.feed_ready AND i.system_identifier = c.system_identifier FROM instance i, pg_control_system() c

-- name: begin
-- Another cluster (dump and restore): its transaction ids began anew, so positions given before mean nothing.
UPDATE instance SET system_identifier = c.system_identifier, feed_epoch = gen_random_uuid(), feed_ready = false
  FROM pg_control_system() c WHERE instance.system_identifier <> c.system_identifier

-- name: old_partitions
-- What may hold rows of the cluster before, and how long it is now, in blocks: rows that are added meanwhile are of this cluster.
SELECT relid::text, (pg_relation_size(relid) / current_setting('block_size')::int)::int
  FROM pg_partition_tree('attempts') WHERE isleaf

-- name: finish
UPDATE instance SET feed_ready = true
