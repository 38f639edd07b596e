-- omni-box, third migration: what owned buckets need beyond the first one. Everything that it drops was prepared by the first
-- migration and used by no release. Comments here hold no statement separator, because some runners of migrations split the
-- file at each one.

-- How many owners in a row did not give the bucket up themselves. One of them says little, a second one hints at an event that
-- kills its worker, and a boolean could not tell them apart.
ALTER TABLE outbox_bucket DROP COLUMN unclean;
ALTER TABLE outbox_bucket ADD COLUMN unclean_takeovers smallint NOT NULL DEFAULT 0;
ALTER TABLE outbox_bucket ADD CONSTRAINT outbox_bucket_unclean_takeovers_check CHECK (unclean_takeovers >= 0);

-- Reading whole buckets in the order of their keys' events. A retry that backs off stays in its place, since the later events
-- of its key wait for it, and an event that its producer scheduled is in an order of its own.
DROP INDEX outbox_event_bucket_idx;
DROP INDEX outbox_event_backing_off_idx;
CREATE INDEX outbox_event_unscheduled_idx ON outbox_event (bucket, seq)
  WHERE status = 'pending' AND scheduled_at IS NULL;
CREATE INDEX outbox_event_scheduled_idx ON outbox_event (bucket, scheduled_at, seq)
  WHERE status = 'pending' AND scheduled_at IS NOT NULL;

-- Which keys a failed event blocks, and which one is each key's earliest.
DROP INDEX outbox_event_failed_idx;
CREATE INDEX outbox_event_failed_key_idx ON outbox_event (bucket, partition_key, seq) WHERE status = 'failed';

INSERT INTO omni_box_migration (name) VALUES ('omni_box_buckets');
