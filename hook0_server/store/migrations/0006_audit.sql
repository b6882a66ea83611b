-- The audit log: who did what to what, from where, and what came of it. The entry of a change is written in its transaction.

-- action: as in access/actions; operation: Service/Method. actor_id: of the person, token or secret. credential_id: of what was shown,
-- for people their session. organization_id: null where what was done is no organization's, such as a login. Nothing refers to what it
-- names: entries stay when that is gone. result: OK, or the reason of the refusal.
CREATE TABLE audit_entries (
  audit_entry_id  uuid PRIMARY KEY DEFAULT uuid_v7(),
  organization_id uuid,
  application_id  uuid,
  recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  action          text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
  operation       text NOT NULL CHECK (length(operation) BETWEEN 1 AND 100),
  actor_kind      text NOT NULL
                  CHECK (actor_kind IN ('user', 'service_token', 'application_secret', 'master', 'system', 'anonymous')),
  actor_id        text NOT NULL CHECK (length(actor_id) <= 100),
  credential_id   text NOT NULL CHECK (length(credential_id) <= 100),
  source_ip       text CHECK (length(source_ip) <= 100),
  request_id      text NOT NULL CHECK (length(request_id) <= 100),
  resource_type   text NOT NULL CHECK (length(resource_type) BETWEEN 1 AND 100),
  resource_id     text NOT NULL CHECK (length(resource_id) <= 300),
  result          text NOT NULL CHECK (length(result) BETWEEN 1 AND 100)
);
CREATE INDEX audit_entries_by_organization ON audit_entries (organization_id, audit_entry_id DESC);

-- For upkeep: accounts whose address nobody proved are removed after some days.
CREATE INDEX users_unverified ON users (created_at) WHERE verified_at IS NULL;

-- Who was told of on a day, near a limit or at it, so that of several processes one logs it. Rows of days that are over are deleted.
CREATE TABLE quota_notices (
  day      date NOT NULL,
  line     text NOT NULL,  -- of the log: quota.near, quota.reached
  quota    text NOT NULL,
  owner_id uuid NOT NULL,
  PRIMARY KEY (day, line, quota, owner_id)
);
