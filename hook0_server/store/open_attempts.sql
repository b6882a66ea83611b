-- name: find
-- The coming attempts of open deliveries, newest first. No index has this order, and one on the busiest table would cost every
-- delivery: it reads the application's open deliveries from `above` on, and keeps `rows` of them. Index: deliveries_pkey.
SELECT attempt_id, event_id, event_type, subscription_id, attempt_number, attempt_created_at, next_attempt_at,
       owner > 0 AS is_held, owned_at, next_attempt_at > now() AS is_later
  FROM deliveries
 WHERE application_id = %(application_id)b::uuid AND delivery_id >= %(above)b::uuid
   AND attempt_id < %(below)b::uuid AND attempt_id >= %(least)b::uuid
   AND (%(subscription_ids)b::uuid[] IS NULL OR subscription_id = ANY (%(subscription_ids)b::uuid[]))
   AND (%(event_ids)b::uuid[] IS NULL OR event_id = ANY (%(event_ids)b::uuid[]))
   AND (%(event_types)b::text[] IS NULL OR event_type = ANY (%(event_types)b::text[]))
   AND (%(created_from)b::timestamptz IS NULL OR attempt_created_at >= %(created_from)b::timestamptz)
   AND (%(created_to)b::timestamptz IS NULL OR attempt_created_at <= %(created_to)b::timestamptz)
 ORDER BY attempt_id DESC
 LIMIT %(rows)b::int

-- name: descriptions
-- Of subscriptions, deleted ones too. Index: subscriptions_pkey. OFFSET 0: each is looked up by itself.
SELECT s.subscription_id, s.description
  FROM unnest(%(subscription_ids)b::uuid[]) AS k (subscription_id)
 CROSS JOIN LATERAL (SELECT s.subscription_id, s.description FROM subscriptions s
                      WHERE s.application_id = %(application_id)b::uuid AND s.subscription_id = k.subscription_id OFFSET 0) s
