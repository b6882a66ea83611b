-- name: lock
-- Held for the moment in which the first one is made; readers are not kept waiting.
LOCK TABLE organizations IN SHARE ROW EXCLUSIVE MODE

-- name: first
SELECT organization_id FROM organizations ORDER BY organization_id LIMIT 1

-- name: create
INSERT INTO organizations (organization_id, name) VALUES (uuid_v7(), %(name)b) RETURNING organization_id
