-- name: register
-- A new incarnation.
INSERT INTO nodes (is_answering, is_sending, host, pid, version, key_ids)
VALUES (%(is_answering)b::bool, %(is_sending)b::bool, %(host)b::text, %(pid)b::int4, %(version)b::text, %(key_ids)b::text[])
RETURNING node_id

-- name: beat
-- Raise this node's counter, tell what it holds, and see everybody's. No row of its own in the answer: it was declared dead.
WITH mine AS (
  UPDATE nodes SET beat = beat + 1, beat_at = now(), held_count = %(held)b::int, in_flight_count = %(in_flight)b::int
   WHERE node_id = %(node)b::int
  RETURNING node_id
)
SELECT n.node_id, n.beat, n.is_sending, EXISTS (SELECT FROM mine) FROM nodes n

-- name: bury
-- Declare a node dead, unless it has beaten since.
DELETE FROM nodes WHERE node_id = %(node)b::int AND beat = %(beat)b::int8 RETURNING node_id

-- name: leave
DELETE FROM nodes WHERE node_id = %(node)b::int

-- name: take_over
-- Let go the rows of nodes that are not there any more, a late commit of a dead one included. They may have been sent before.
-- A row that its owner, who was thought dead, passes on meanwhile is waited for and then left alone: its owner is asked for again.
UPDATE deliveries d SET owner = NULL, takeover_count = least(d.takeover_count, 32766) + 1
  FROM deliveries dead
 WHERE dead.owner > 0 AND dead.owner <> ALL (ARRAY(SELECT node_id FROM nodes))
   AND d.application_id = ANY (ARRAY[dead.application_id]) AND d.delivery_id = dead.delivery_id AND d.owner = dead.owner
RETURNING d.application_id, d.delivery_id

-- name: pass_on
-- To the new incarnation what was begun: its outcome is still to come. By key: asked of every row, a list of 8,000 took 1.2 s.
UPDATE deliveries d SET owner = %(node)b::int, owned_at = now()
  FROM unnest(%(application_ids)b::uuid[], %(delivery_ids)b::uuid[]) AS i (application_id, delivery_id)
 WHERE d.application_id = ANY (ARRAY[i.application_id]) AND d.delivery_id = i.delivery_id AND d.owner = %(before)b::int
RETURNING d.delivery_id

-- name: let_go_all
-- The rest of what the former incarnation held. Nobody took it over meanwhile.
UPDATE deliveries SET owner = NULL, started_at = CASE WHEN started_at < owned_at THEN started_at END WHERE owner = %(before)b::int

-- name: held_long
-- Rows of this node that are older than any statement of it that may still run: what is not in its memory is to be let go.
SELECT application_id, delivery_id FROM deliveries WHERE owner = %(node)b::int AND owned_at < now() - %(seconds)b::float8 * interval '1 s'

-- name: give_back
-- Let go rows that were not begun; parked: their subscription is disabled. Index: deliveries_pkey.
-- A start that this owner committed was not followed by a request: left in place, it would end the delivery as INTERRUPTED.
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

-- name: page
-- The nodes by number, from behind `after` (0 = from the beginning), and how many seconds ago each beat.
SELECT node_id, host, pid, version, is_answering, is_sending, started_at,
       greatest(0, extract(epoch FROM clock_timestamp() - beat_at))::float8, held_count, in_flight_count
  FROM nodes
 WHERE node_id > %(after)b::int
 ORDER BY node_id
 LIMIT %(size)b::int

-- name: holders
-- Who beat within so many seconds, and the encryption keys that each holds.
SELECT host, pid, key_ids FROM nodes
 WHERE beat_at > clock_timestamp() - %(seconds)b::float8 * interval '1 s'
 ORDER BY node_id
