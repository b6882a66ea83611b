-- name: register
-- A new incarnation.
INSERT INTO nodes (is_sending, host, pid, version) VALUES (%(is_sending)b::bool, %(host)b::text, %(pid)b::int4, %(version)b::text) RETURNING node_id

-- name: beat
-- Raise this node's counter and see everybody's. No row of its own in the answer: it was declared dead.
WITH mine AS (UPDATE nodes SET beat = beat + 1 WHERE node_id = %(node)b::int RETURNING node_id)
SELECT n.node_id, n.beat, n.is_sending, EXISTS (SELECT FROM mine) FROM nodes n

-- name: bury
-- Declare a node dead, unless it has beaten since.
DELETE FROM nodes WHERE node_id = %(node)b::int AND beat = %(beat)b::int8 RETURNING node_id

-- name: leave
DELETE FROM nodes WHERE node_id = %(node)b::int

-- name: take_over
-- Let go the rows of nodes that are not there any more, a late commit of a dead one included. They may have been sent before.
UPDATE deliveries SET owner = NULL, takeover_count = takeover_count + 1
 WHERE owner > 0 AND owner <> ALL (ARRAY(SELECT node_id FROM nodes))
RETURNING application_id, delivery_id

-- name: reincarnate
-- Pass on to the new incarnation what was begun (its outcome is still to come), let go the rest. Nobody took it over meanwhile.
UPDATE deliveries SET owner = CASE WHEN delivery_id = ANY (%(begun)b::uuid[]) THEN %(node)b::int END, owned_at = now(),
       started_at = CASE WHEN delivery_id = ANY (%(begun)b::uuid[]) OR started_at < owned_at THEN started_at END
 WHERE owner = %(before)b::int
RETURNING delivery_id, owner IS NOT NULL

-- name: held_long
-- Rows of this node that are older than any statement of it that may still run: what is not in its memory is to be let go.
SELECT delivery_id FROM deliveries WHERE owner = %(node)b::int AND owned_at < now() - %(seconds)b::float8 * interval '1 s'

-- name: let_go
-- Give back rows that were not begun; parked: their subscription is disabled. Index: deliveries_pkey, or a scan of open work.
-- A start that this owner committed was not followed by a request: left in place, it would end the delivery as INTERRUPTED.
UPDATE deliveries d SET owner = CASE WHEN %(parked)b::bool THEN 0 END, started_at = CASE WHEN d.started_at < d.owned_at THEN d.started_at END
 WHERE d.owner = %(node)b::int AND d.delivery_id = ANY (%(delivery_ids)b::uuid[])
RETURNING delivery_id

-- name: let_go_by_key
-- The same by primary key.
UPDATE deliveries d SET owner = CASE WHEN %(parked)b::bool AND NOT d.cancel_requested THEN 0 END,
       started_at = CASE WHEN d.started_at < d.owned_at THEN d.started_at END
  FROM unnest(%(application_ids)b::uuid[], %(delivery_ids)b::uuid[]) AS i (application_id, delivery_id)
 WHERE d.application_id = ANY (ARRAY[i.application_id]) AND d.delivery_id = i.delivery_id AND d.owner = %(node)b::int
RETURNING d.delivery_id

-- name: start
-- Commit that a delivery is about to be sent; nothing when it is not held any more.
UPDATE deliveries SET started_at = now()
 WHERE application_id = %(application_id)b::uuid AND delivery_id = %(delivery_id)b::uuid AND attempt_id = %(attempt_id)b::uuid AND owner = %(node)b::int
RETURNING delivery_id

-- name: cancelled
-- Held deliveries of this node whose cancellation was asked for. Index: deliveries_to_cancel.
SELECT delivery_id FROM deliveries WHERE cancel_requested AND owner = %(node)b::int
