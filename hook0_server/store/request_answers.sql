-- name: begin
-- Whoever inserts first does the work; the others wait here for its commit, and then get no row.
-- One that is older than a day is as good as none.
INSERT INTO request_answers AS a (scope, request_id, request_hash, answer_encrypted)
VALUES (%(scope)b, %(request_id)b, %(digest)b, '')
ON CONFLICT (scope, request_id) DO UPDATE
   SET request_hash = excluded.request_hash, answer_encrypted = '', created_at = now()
 WHERE a.created_at < now() - interval '24 hours'
RETURNING request_id

-- name: finish
UPDATE request_answers SET answer_encrypted = %(answer)b WHERE scope = %(scope)b AND request_id = %(request_id)b

-- name: get
SELECT request_hash, answer_encrypted FROM request_answers WHERE scope = %(scope)b AND request_id = %(request_id)b
