-- omni-box, fifth migration: owned buckets for the workers of an inbox. It only adds, save for one index that nothing used before.
-- Comments here hold no statement separator, because some runners of migrations split the file at each one.

-- Which worker of a consumer group may handle the events of a bucket. The rows of a group are made when a worker of it starts that
-- owns buckets.
CREATE TABLE inbox_bucket (
  consumer_group    varchar(255)   NOT NULL,
  bucket            smallint       NOT NULL,
  owner             varchar(255),
  epoch             bigint         NOT NULL DEFAULT 0,
  lease_until       timestamptz(3),
  unclean_takeovers smallint       NOT NULL DEFAULT 0,

  CONSTRAINT inbox_bucket_pkey PRIMARY KEY (consumer_group, bucket),
  CONSTRAINT inbox_bucket_bucket_check CHECK (bucket >= 0),
  CONSTRAINT inbox_bucket_epoch_check CHECK (epoch >= 0),
  CONSTRAINT inbox_bucket_unclean_takeovers_check CHECK (unclean_takeovers >= 0)
)
-- A few rows that are renewed every few seconds, for ever.
WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- A take-over changes a column of it, so that it and the lock of outcomes exclude each other whoever writes it.
CREATE UNIQUE INDEX inbox_bucket_consumer_group_bucket_epoch_key ON inbox_bucket (consumer_group, bucket, epoch);

-- Outcomes look for what their worker holds, and name no group.
CREATE INDEX inbox_bucket_owner_idx ON inbox_bucket (owner);

-- The living workers of each group, also those that own no bucket yet.
CREATE TABLE inbox_worker (
  consumer_group varchar(255)   NOT NULL,
  id             varchar(255)   NOT NULL,
  lease_until    timestamptz(3) NOT NULL,

  CONSTRAINT inbox_worker_pkey PRIMARY KEY (consumer_group, id)
)
WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Where the file is one transaction, building an index and then dropping one would raise its lock on the table and come into a
-- deadlock with a claim that waits for it. So the stronger lock is taken first, by a statement that changes nothing.
ALTER TABLE inbox_event ALTER COLUMN status SET DEFAULT 'pending';

-- Reading whole buckets of a group in the order of their keys' events. Events have no schedule unless somebody writes one.
CREATE INDEX inbox_event_unscheduled_idx ON inbox_event (consumer_group, bucket, seq)
  WHERE status = 'pending' AND scheduled_at IS NULL;
CREATE INDEX inbox_event_scheduled_idx ON inbox_event (consumer_group, bucket, scheduled_at, seq)
  WHERE status = 'pending' AND scheduled_at IS NOT NULL;

-- Which keys a failed event blocks, and which one is each key's earliest.
CREATE INDEX inbox_event_failed_key_idx ON inbox_event (consumer_group, bucket, partition_key, seq) WHERE status = 'failed';

DROP INDEX inbox_event_bucket_idx;

INSERT INTO omni_box_migration (name) VALUES ('omni_box_inbox_buckets');
