-- omni-box, second migration: what the inbox repository needs beyond the first one. It only adds, save for one index that
-- nothing used before. Comments here hold no statement separator, because some runners of migrations split the file at each one.

-- A message that cannot be decoded is kept as it was received.
ALTER TABLE inbox_event ADD COLUMN body bytea;

-- Claims are made by one consumer group and must not walk through the backlog of another, so the group comes first.
-- Made before the former one is dropped: where each statement is a transaction of its own, a claim in between would read it all.
CREATE INDEX inbox_event_group_due_idx
  ON inbox_event (consumer_group, (coalesce(next_attempt_at, scheduled_at, created_at)), seq)
  WHERE status = 'pending';
DROP INDEX inbox_event_due_idx;

-- Whether a key has an earlier event that is still pending, and which one is the earliest.
CREATE INDEX inbox_event_key_idx ON inbox_event (consumer_group, partition_key, seq) WHERE status = 'pending';

-- Payloads and bodies that are stored out of line leave as many dead rows as their events do.
ALTER TABLE inbox_event SET (
  toast.autovacuum_vacuum_scale_factor = 0,
  toast.autovacuum_vacuum_threshold = 5000,
  toast.autovacuum_vacuum_insert_scale_factor = 0,
  toast.autovacuum_vacuum_insert_threshold = 50000
);

INSERT INTO omni_box_migration (name) VALUES ('omni_box_inbox');
