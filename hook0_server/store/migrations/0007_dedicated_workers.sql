-- What Hook0's REST calls dedicated_workers: kept for those who ask for it, without effect.

ALTER TABLE subscriptions ADD COLUMN dedicated_workers text[] NOT NULL DEFAULT '{}';
