-- What is used, and what may be. Days are those of the database's clock (UTC).

-- name: is_limited_by_day
-- Whether any application or organization has a limit of its own for a day. Indexes: applications_limited_by_day, organizations_limited_by_day.
SELECT EXISTS (SELECT FROM applications WHERE quotas ? 'events_per_day' AND deleted_at IS NULL)
    OR EXISTS (SELECT FROM organizations WHERE quotas ? 'events_per_day')

-- name: days
-- What those of these applications that have a limit published today; and when the day ends.
-- Indexes: applications_pkey, organizations_pkey, event_counts_pkey. OFFSET 0: each is looked up by itself.
SELECT i.application_id, q.most, coalesce(c.events, 0)::bigint,
       extract(epoch FROM (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC')::float8
  FROM unnest(%(application_ids)b::uuid[]) AS i (application_id)
 CROSS JOIN LATERAL (SELECT coalesce((a.quotas ->> 'events_per_day')::bigint, (o.quotas ->> 'events_per_day')::bigint, %(instance)b::bigint) AS most
                       FROM applications a
                      CROSS JOIN LATERAL (SELECT o.quotas FROM organizations o WHERE o.organization_id = a.organization_id OFFSET 0) o
                      WHERE a.application_id = i.application_id AND a.deleted_at IS NULL OFFSET 0) q
 CROSS JOIN LATERAL (SELECT sum(c.events) AS events FROM event_counts c
                      WHERE c.application_id = i.application_id AND c.day = (now() AT TIME ZONE 'UTC')::date OFFSET 0) c
 WHERE q.most IS NOT NULL

-- name: quotas_of_application
-- Its own, and its organization's. Indexes: applications_pkey, organizations_pkey.
SELECT a.quotas, o.quotas
  FROM applications a
 CROSS JOIN LATERAL (SELECT o.quotas FROM organizations o WHERE o.organization_id = a.organization_id OFFSET 0) o
 WHERE a.application_id = %(owner_id)b::uuid

-- name: quotas_of_organization
SELECT '{}'::jsonb, quotas FROM organizations WHERE organization_id = %(owner_id)b::uuid

-- name: serialize
-- Of those who create something of one kind for one owner, one at a time counts; it ends with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('hook0 quota ' || %(quota)b::text || ' ' || %(owner_id)b::uuid, 0))

-- name: count_members
-- Open invitations count. Indexes: members_pkey, invitations_pkey.
SELECT (SELECT count(*) FROM members WHERE organization_id = %(owner_id)b::uuid)
     + (SELECT count(*) FROM invitations WHERE organization_id = %(owner_id)b::uuid)

-- name: count_applications
-- Index: applications_by_organization.
SELECT count(*) FROM applications WHERE organization_id = %(owner_id)b::uuid AND deleted_at IS NULL

-- name: count_subscriptions
-- Index: subscriptions_kept.
SELECT count(*) FROM subscriptions WHERE application_id = %(owner_id)b::uuid AND deleted_at IS NULL

-- name: count_event_types
-- Index: event_types_pkey.
SELECT count(*) FROM event_types WHERE application_id = %(owner_id)b::uuid AND deactivated_at IS NULL

-- name: events_today_of_application
-- Index: event_counts_pkey.
SELECT coalesce(sum(events), 0)::bigint FROM event_counts
 WHERE application_id = %(owner_id)b::uuid AND day = (now() AT TIME ZONE 'UTC')::date

-- name: events_today_of_organization
-- Indexes: applications_by_organization, event_counts_pkey.
SELECT coalesce(sum(c.events), 0)::bigint
  FROM applications a
 CROSS JOIN LATERAL (SELECT sum(c.events) AS events FROM event_counts c
                      WHERE c.application_id = a.application_id AND c.day = (now() AT TIME ZONE 'UTC')::date OFFSET 0) c
 WHERE a.organization_id = %(owner_id)b::uuid AND a.deleted_at IS NULL

-- name: days_of_application
-- Index: event_counts_pkey.
SELECT application_id, day, sum(events)::bigint
  FROM event_counts
 WHERE application_id = %(owner_id)b::uuid AND day BETWEEN %(first)b::date AND %(last)b::date
 GROUP BY application_id, day ORDER BY day, application_id LIMIT %(most)b::int

-- name: days_of_organization
-- Indexes: applications_by_organization, event_counts_pkey.
SELECT a.application_id, c.day, c.events
  FROM applications a
 CROSS JOIN LATERAL (SELECT day, sum(events)::bigint AS events FROM event_counts c
                      WHERE c.application_id = a.application_id AND c.day BETWEEN %(first)b::date AND %(last)b::date
                      GROUP BY day OFFSET 0) c
 WHERE a.organization_id = %(owner_id)b::uuid AND a.deleted_at IS NULL
 ORDER BY c.day, a.application_id LIMIT %(most)b::int

-- name: begin_notices
-- Those of these notices that no process has told of on this day; whoever inserts a row tells. In the order of the key, so that two
-- that do so wait instead of standing in each other's way.
INSERT INTO quota_notices (day, line, quota, owner_id)
SELECT %(day)b::date, n.line, n.quota, n.owner_id
  FROM unnest(%(lines)b::text[], %(quotas)b::text[], %(owner_ids)b::uuid[]) AS n (line, quota, owner_id)
 ORDER BY n.line, n.quota, n.owner_id
ON CONFLICT DO NOTHING
RETURNING line, quota, owner_id

-- name: has_events
-- Whether anything was ever published. Index: event_counts_pkey.
SELECT EXISTS (SELECT FROM event_counts WHERE application_id = %(application_id)b::uuid AND events > 0)

-- name: steps_of_organization
-- Which of an organization's first steps are done: each asks its applications until one says yes. Indexes:
-- applications_by_organization, event_types_pkey, subscriptions_kept, event_counts_pkey. LIMIT: one is looked up after the other.
SELECT EXISTS (SELECT FROM applications a WHERE a.organization_id = %(organization_id)b::uuid AND a.deleted_at IS NULL),
       EXISTS (SELECT FROM applications a
                CROSS JOIN LATERAL (SELECT FROM event_types t
                                     WHERE t.application_id = a.application_id AND t.deactivated_at IS NULL LIMIT 1) s
                WHERE a.organization_id = %(organization_id)b::uuid AND a.deleted_at IS NULL),
       EXISTS (SELECT FROM applications a
                CROSS JOIN LATERAL (SELECT FROM subscriptions b
                                     WHERE b.application_id = a.application_id AND b.deleted_at IS NULL LIMIT 1) s
                WHERE a.organization_id = %(organization_id)b::uuid AND a.deleted_at IS NULL),
       EXISTS (SELECT FROM applications a
                CROSS JOIN LATERAL (SELECT FROM event_counts c
                                     WHERE c.application_id = a.application_id AND c.events > 0 LIMIT 1) s
                WHERE a.organization_id = %(organization_id)b::uuid AND a.deleted_at IS NULL)
