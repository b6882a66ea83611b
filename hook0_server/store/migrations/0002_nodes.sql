-- What each node tells with its beat, for people who ask who lives and what each holds.
-- beat_at is by the database's clock; whether a node is dead is judged by the counter alone.
ALTER TABLE nodes
  ADD COLUMN is_answering    bool NOT NULL DEFAULT true,  -- has the api role
  ADD COLUMN beat_at         timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN held_count      int NOT NULL DEFAULT 0,
  ADD COLUMN in_flight_count int NOT NULL DEFAULT 0;
