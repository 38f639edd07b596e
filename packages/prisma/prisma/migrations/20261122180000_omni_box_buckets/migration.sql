-- omni-box, third migration: what owned buckets need beyond the first one. Everything that it drops was prepared by the first
-- migration and used by no release. Comments here hold no statement separator, because some runners of migrations split the
-- file at each one.

-- How many owners in a row did not give the bucket up themselves. One of them says little, a second one hints at an event that
-- kills its worker, and a boolean could not tell them apart.
ALTER TABLE outbox_bucket DROP COLUMN unclean;
ALTER TABLE outbox_bucket ADD COLUMN unclean_takeovers smallint NOT NULL DEFAULT 0;
ALTER TABLE outbox_bucket ADD CONSTRAINT outbox_bucket_unclean_takeovers_check CHECK (unclean_takeovers >= 0);

-- New indexes are made before the former ones are dropped: where each statement is a transaction of its own, a read in between
-- would go through the whole table. Where the file is one transaction, building an index and then dropping one would raise its
-- lock on the table and come into a deadlock with a claim that waits for it. So the stronger lock is taken first, by a statement
-- that changes nothing.
ALTER TABLE outbox_event ALTER COLUMN status SET DEFAULT 'pending';

-- Reading whole buckets in the order of their keys' events. A retry that backs off stays in its place, since the later events
-- of its key wait for it, and an event that its producer scheduled is in an order of its own.
CREATE INDEX outbox_event_unscheduled_idx ON outbox_event (bucket, seq)
  WHERE status = 'pending' AND scheduled_at IS NULL;
CREATE INDEX outbox_event_scheduled_idx ON outbox_event (bucket, scheduled_at, seq)
  WHERE status = 'pending' AND scheduled_at IS NOT NULL;

-- Which keys a failed event blocks, and which one is each key's earliest.
CREATE INDEX outbox_event_failed_key_idx ON outbox_event (bucket, partition_key, seq) WHERE status = 'failed';

DROP INDEX outbox_event_bucket_idx;
DROP INDEX outbox_event_backing_off_idx;
DROP INDEX outbox_event_failed_idx;

INSERT INTO omni_box_migration (name) VALUES ('omni_box_buckets');
