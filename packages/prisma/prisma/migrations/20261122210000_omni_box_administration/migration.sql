-- omni-box, sixth migration: what people and maintenance need to know of events. It only adds. Comments here hold no statement
-- separator, because some runners of migrations split the file at each one.
--
-- The inbox comes first, in the order in which the transactions of handlers lock the two tables. Columns with a constant default
-- rewrite nothing, and the constraints, which all rows there fulfil, are not checked against them. What is there is passed over, so that
-- whoever has large tables can add the columns and build the indexes concurrently before, see docs/dead-letters.md.

ALTER TABLE inbox_event
  -- When it became failed. Null for what a worker of a former version fails, so no constraint asks for it.
  ADD COLUMN IF NOT EXISTS failed_at            timestamptz(3),
  ADD COLUMN IF NOT EXISTS dead_lettered_at     timestamptz(3),
  ADD COLUMN IF NOT EXISTS dead_letter_attempts smallint       NOT NULL DEFAULT 0,
  -- Not before this time: its dead letter backs off, or somebody is publishing it.
  ADD COLUMN IF NOT EXISTS dead_letter_at       timestamptz(3),
  -- Counted failures and what people did, the last ones. Events that never fail have none, and no index holds it.
  ADD COLUMN IF NOT EXISTS history              jsonb          NOT NULL DEFAULT '[]',
  ADD CONSTRAINT inbox_event_dead_letter_attempts_check CHECK (dead_letter_attempts >= 0) NOT VALID,
  ADD CONSTRAINT inbox_event_history_check CHECK (jsonb_typeof(history) = 'array') NOT VALID;

ALTER TABLE outbox_event
  ADD COLUMN IF NOT EXISTS failed_at            timestamptz(3),
  ADD COLUMN IF NOT EXISTS dead_lettered_at     timestamptz(3),
  ADD COLUMN IF NOT EXISTS dead_letter_attempts smallint       NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS dead_letter_at       timestamptz(3),
  ADD COLUMN IF NOT EXISTS history              jsonb          NOT NULL DEFAULT '[]',
  ADD CONSTRAINT outbox_event_dead_letter_attempts_check CHECK (dead_letter_attempts >= 0) NOT VALID,
  ADD CONSTRAINT outbox_event_history_check CHECK (jsonb_typeof(history) = 'array') NOT VALID;

-- Failed events in their order. Pending ones are in none of the indexes below. The second condition holds for every row: a statement
-- that does not repeat it cannot take this index for the one by key, which looks no better to a planner that expects nothing to have failed.
CREATE INDEX IF NOT EXISTS inbox_event_failed_idx ON inbox_event (seq) WHERE status = 'failed' AND attempts_made >= 0;
CREATE INDEX IF NOT EXISTS outbox_event_failed_idx ON outbox_event (seq) WHERE status = 'failed' AND attempts_made >= 0;

-- Whose dead letter is due: at once, unless it backs off.
CREATE INDEX IF NOT EXISTS inbox_event_dead_letter_idx ON inbox_event ((coalesce(dead_letter_at, failed_at, created_at)), seq)
  WHERE status = 'failed' AND dead_lettered_at IS NULL;
CREATE INDEX IF NOT EXISTS outbox_event_dead_letter_idx ON outbox_event ((coalesce(dead_letter_at, failed_at, created_at)), seq)
  WHERE status = 'failed' AND dead_lettered_at IS NULL;

-- What is old enough to be removed. The group is beside the time, because each may keep its own events for another while.
CREATE INDEX IF NOT EXISTS inbox_event_completed_idx ON inbox_event (completed_at, consumer_group) WHERE status = 'completed';
CREATE INDEX IF NOT EXISTS outbox_event_completed_idx ON outbox_event (completed_at) WHERE status = 'completed';

-- Behind the indexes, which would else be of no use to transactions that began before.
UPDATE inbox_event SET failed_at = statement_timestamp() WHERE status = 'failed';
UPDATE outbox_event SET failed_at = statement_timestamp() WHERE status = 'failed';

INSERT INTO omni_box_migration (name) VALUES ('omni_box_administration');
