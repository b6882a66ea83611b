-- name: notify
-- Several hints at once: NOTIFY serializes commits.
SELECT pg_notify(channel, payload) FROM unnest(%(channels)b::text[], %(payloads)b::text[]) AS n (channel, payload)
