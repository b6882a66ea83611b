-- Usage: what each application publishes in a day, and the limits that an operator sets.

-- quotas: limits by their names (events_per_day, …); what is absent has the organization's, or the instance's.
ALTER TABLE organizations ADD COLUMN quotas jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(quotas) = 'object');
ALTER TABLE applications ADD COLUMN quotas jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(quotas) = 'object');
-- Whether anybody has a limit of a day at all is asked while events are published: two looks into indexes that are mostly empty.
CREATE INDEX organizations_limited_by_day ON organizations (organization_id) WHERE quotas ? 'events_per_day';
CREATE INDEX applications_limited_by_day ON applications (application_id) WHERE quotas ? 'events_per_day' AND deleted_at IS NULL;

-- Events that were stored, by the day of the database's clock (UTC). A slot is one writer's: those that add to the same row would wait
-- for each other's commits. Each batch updates its row once; in half-empty pages that needs neither an index nor a vacuum.
CREATE TABLE event_counts (
  application_id uuid NOT NULL,
  day            date NOT NULL,
  slot           smallint NOT NULL CHECK (slot BETWEEN 0 AND 15),
  events         bigint NOT NULL,
  PRIMARY KEY (application_id, day, slot)
) WITH (fillfactor = 50);
-- For upkeep. An expression, so that the sum of one application is never read by it: on a table that was small when it was looked at,
-- the planner took the day's index, and read everybody's.
CREATE INDEX event_counts_by_age ON event_counts ((day + 0));
