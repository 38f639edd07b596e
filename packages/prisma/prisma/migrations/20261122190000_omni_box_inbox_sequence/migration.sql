-- omni-box, fourth migration: which events of a key are older than one that has been handled. It only adds. Comments here hold
-- no statement separator, because some runners of migrations split the file at each one.

-- Where the event stands among those of its sender. Null for older rows, and for senders that do not tell.
ALTER TABLE inbox_event ADD COLUMN sender_seq bigint;

-- One row per key of which an event was handled with the option olderEvents set to "stale". It is written in the handler's own
-- transaction, and its row lock lets the transactions of one key through one after the other.
CREATE TABLE inbox_sequence (
  consumer_group varchar(255)   NOT NULL,
  topic          varchar(255)   NOT NULL,
  partition_key  varchar(255)   NOT NULL,
  last_seq       bigint         NOT NULL,
  -- What last_seq was before, for the statement that raised it: RETURNING shows new values alone.
  former_seq     bigint,
  -- A row can be removed when no message of its key that is older than last_seq can arrive any more.
  updated_at     timestamptz(3) NOT NULL DEFAULT statement_timestamp(),

  CONSTRAINT inbox_sequence_pkey PRIMARY KEY (consumer_group, topic, partition_key),
  CONSTRAINT inbox_sequence_raised_check CHECK (former_seq < last_seq)
)
-- No index holds a column that changes, so a row is updated in place (HOT) when its page has room.
WITH (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 50000
);

INSERT INTO omni_box_migration (name) VALUES ('omni_box_inbox_sequence');
