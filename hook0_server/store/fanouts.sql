-- name: expand
-- One slice of the oldest broadcast that nobody else is expanding: the next `slice` subscriptions by id get their deliveries, unowned, and the
-- position moves on, in one transaction. The last slice deletes the row. Answers how many were made, or nothing when there is no broadcast.
-- Index: subscriptions_pkey (the pair is compared: by its second member alone, a plan made while the table was small walks
-- subscriptions_by_id, through those of everybody).
WITH fanout AS MATERIALIZED (
  SELECT f.* FROM fanouts f ORDER BY f.created_at, f.fanout_id LIMIT 1 FOR UPDATE SKIP LOCKED
), event AS MATERIALIZED (
  SELECT f.fanout_id, e.labels, t.candidates
    FROM fanout f
    LEFT JOIN LATERAL (SELECT labels FROM events e WHERE e.day = f.event_day AND e.application_id = f.application_id AND e.event_id = f.event_id OFFSET 0) e ON true
    LEFT JOIN LATERAL (SELECT candidates FROM event_types t WHERE t.application_id = f.application_id AND t.event_type = f.event_type OFFSET 0) t ON true
), seen AS MATERIALIZED (          -- what the slice looks at, matching or not
  SELECT s.subscription_id, s.is_enabled AND e.labels @> s.labels AND e.candidates && s.event_types AS wants
    FROM fanout f
    JOIN event e ON true
   CROSS JOIN LATERAL (SELECT * FROM subscriptions s WHERE s.application_id = f.application_id AND (s.application_id, s.subscription_id) > (f.application_id, f.position)
                        ORDER BY s.subscription_id LIMIT %(slice)b::int) s
), made AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size, trigger, created_at,
                          attempt_created_at)
  SELECT f.application_id, i.id, i.id, i.subscription_id, f.event_id, f.event_day, f.event_type, f.payload_size, f.trigger, f.created_at, now()
    FROM fanout f CROSS JOIN (SELECT subscription_id, uuid_v7() AS id FROM seen WHERE wants) i
  RETURNING 1
), moved AS (
  UPDATE fanouts f SET position = (SELECT subscription_id FROM seen ORDER BY subscription_id DESC LIMIT 1)
    FROM fanout WHERE f.fanout_id = fanout.fanout_id AND (SELECT count(*) FROM seen) = %(slice)b::int
), done AS (
  DELETE FROM fanouts f USING fanout WHERE f.fanout_id = fanout.fanout_id AND (SELECT count(*) FROM seen) < %(slice)b::int
)
SELECT fanout_id, (SELECT count(*) FROM made)::int FROM fanout
