-- Templates: {table}, {key} (the columns of its primary key), {row_id} and {sealed} come from a Column of sealed.py.

-- name: first
-- The first rows by primary key.
SELECT {key}, {row_id}, {sealed} FROM {table} ORDER BY {key} LIMIT %s

-- name: following
-- The next ones. Index: the primary key.
SELECT {key}, {row_id}, {sealed} FROM {table} WHERE ({key}) > ({given}) ORDER BY {key} LIMIT %s

-- name: replace
-- A row that was changed since it was read is left alone: what it holds now is not what was opened.
UPDATE {table} SET {sealed} = %s WHERE ({key}) = ({given}) AND {sealed} = %s

-- name: lock
-- Until the connection ends.
SELECT pg_try_advisory_lock(%(lock)b::int8)
