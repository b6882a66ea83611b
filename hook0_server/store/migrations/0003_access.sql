-- Access: organizations of their own, people with roles in them, their sessions, and tokens that can be revoked.

ALTER TABLE organizations
  ADD COLUMN revision   bigint NOT NULL DEFAULT 1,
  ADD COLUMN deleted_at timestamptz;

-- password_hash: argon2id in its text form. password_revision: counts changes of the password, so that nobody logs in by the
-- one before while it is changed. reset_root_id: of the only token that may set a new one. An account that is deleted leaves no row.
CREATE TABLE users (
  user_id           uuid PRIMARY KEY,
  email             text NOT NULL,                   -- as it was given
  first_name        text NOT NULL DEFAULT '',
  last_name         text NOT NULL DEFAULT '',
  password_hash     text NOT NULL,
  password_revision integer NOT NULL DEFAULT 1,
  reset_root_id     bytea,
  verified_at       timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_by_email ON users (lower(email));

-- role: 1 viewer, 2 editor, 3 owner.
CREATE TABLE members (
  organization_id uuid NOT NULL REFERENCES organizations,
  user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  role            smallint NOT NULL CHECK (role BETWEEN 1 AND 3),
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);

-- People without an account who become members when they make one and their address is verified.
CREATE TABLE invitations (
  organization_id uuid NOT NULL REFERENCES organizations,
  email           text NOT NULL,                     -- in lower case
  role            smallint NOT NULL CHECK (role BETWEEN 1 AND 3),
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, email)
);
CREATE INDEX invitations_by_email ON invitations (email);

-- refresh_token_id: the only refresh token that is good now; another one of this session was used before.
CREATE TABLE sessions (
  session_id       uuid PRIMARY KEY,
  user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  refresh_token_id uuid NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  expire_at        timestamptz NOT NULL,             -- of that refresh token
  ended_at         timestamptz
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expire_at);

-- root_id: the revocation id of the token's first block, which every token made of it carries too.
CREATE TABLE service_tokens (
  organization_id  uuid NOT NULL REFERENCES organizations,
  service_token_id uuid NOT NULL,
  name             text NOT NULL,
  root_id          bytea NOT NULL,
  token_encrypted  bytea NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  expire_at        timestamptz,
  deleted_at       timestamptz,
  PRIMARY KEY (organization_id, service_token_id)
);
CREATE UNIQUE INDEX service_tokens_by_root ON service_tokens (root_id);

-- The public key of what signs tokens now, in hexadecimal digits; null: nothing was started yet.
ALTER TABLE instance ADD COLUMN token_key text;
