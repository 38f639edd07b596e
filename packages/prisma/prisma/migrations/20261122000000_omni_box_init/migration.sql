-- omni-box, first migration: the tables of outbox and inbox.
--
-- Copy the folder into your own prisma/migrations and never edit it. Names are unqualified, so the tables are made in the
-- schema that the connection's search_path names. Comments here hold no statement separator, because some runners of
-- migrations split the file at each one.

-- What was applied, by whichever tool. The checksum is filled in by applyOmniBoxMigrations and is null under prisma migrate.
CREATE TABLE omni_box_migration (
  name       varchar(255)   NOT NULL,
  checksum   varchar(64),
  applied_at timestamptz(3) NOT NULL DEFAULT statement_timestamp(),

  CONSTRAINT omni_box_migration_pkey PRIMARY KEY (name)
);

-- Exactly one row: what all producers and workers on these tables must agree on. Every insert of events compares it with the
-- producer's configuration, because an event in a bucket that no worker knows would never be published.
CREATE TABLE outbox_setting (
  id           smallint NOT NULL DEFAULT 1,
  bucket_count smallint NOT NULL,
  hash_version smallint NOT NULL,

  CONSTRAINT outbox_setting_pkey PRIMARY KEY (id),
  CONSTRAINT outbox_setting_one_row_check CHECK (id = 1),
  CONSTRAINT outbox_setting_bucket_count_check CHECK (bucket_count >= 1),
  CONSTRAINT outbox_setting_hash_version_check CHECK (hash_version >= 1)
);

INSERT INTO outbox_setting (bucket_count, hash_version) VALUES (64, 1);

-- Events to be published. The times have a precision of 3, because a timestamp loses its microseconds in JavaScript and would
-- then no longer equal itself. Texts are limited in characters, and the limits in code (UTF-16 units) are never wider.
CREATE TABLE outbox_event (
  -- CACHE 1, since a session that holds a block of cached numbers would hand them out later than another session hands out
  -- higher ones, and seq would no longer be the order of the inserts. ALWAYS, so that nobody sets it by hand.
  seq              bigint         NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
  id               uuid           NOT NULL,
  event_type       varchar(100)   NOT NULL,
  schema_version   varchar(50)    NOT NULL,
  topic            varchar(255)   NOT NULL,
  aggregate_type   varchar(50)    NOT NULL,
  aggregate_id     varchar(255)   NOT NULL,
  partition_key    varchar(255)   NOT NULL,
  bucket           smallint       NOT NULL,
  payload          jsonb          NOT NULL,
  headers          jsonb          NOT NULL DEFAULT '{}',
  trace_id         varchar(64),
  correlation_id   varchar(64),
  causation_id     varchar(64),
  idempotency_key  varchar(128),
  -- text, not varchar: the planner then matches status = 'pending' with the partial indexes without a cast.
  status           text           NOT NULL DEFAULT 'pending',
  attempts_made    smallint       NOT NULL DEFAULT 0,
  max_attempts     smallint       NOT NULL,
  started_attempts smallint       NOT NULL DEFAULT 0,
  last_error       text,
  -- The time of the statement, not of the transaction: a long transaction does not put its events in front of older ones.
  created_at       timestamptz(3) NOT NULL DEFAULT statement_timestamp(),
  scheduled_at     timestamptz(3),
  next_attempt_at  timestamptz(3),
  completed_at     timestamptz(3),
  lease_token      uuid,
  lease_until      timestamptz(3),
  locked_by        varchar(255),

  CONSTRAINT outbox_event_pkey PRIMARY KEY (seq),
  CONSTRAINT outbox_event_status_check CHECK (status IN ('pending', 'completed', 'failed')),
  CONSTRAINT outbox_event_completed_check CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
  CONSTRAINT outbox_event_lease_check CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
  CONSTRAINT outbox_event_leased_check CHECK (status = 'pending' OR lease_token IS NULL),
  CONSTRAINT outbox_event_attempts_check CHECK (attempts_made BETWEEN 0 AND max_attempts AND max_attempts >= 1),
  CONSTRAINT outbox_event_started_attempts_check CHECK (started_attempts >= 0),
  CONSTRAINT outbox_event_last_error_check CHECK (octet_length(last_error) <= 2000),
  CONSTRAINT outbox_event_bucket_check CHECK (bucket >= 0),
  CONSTRAINT outbox_event_payload_check CHECK (jsonb_typeof(payload) = 'object'),
  CONSTRAINT outbox_event_headers_check CHECK (jsonb_typeof(headers) = 'object')
)
-- Claiming a row updates it in place (HOT) when its page has room for the new version. More than half of each page is left free,
-- since one claim updates all rows of a page at once.
WITH (
  fillfactor = 45,
  -- A queue's dead rows are a matter of its traffic, not of its size: vacuum after a fixed number of them.
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 50000,
  toast.autovacuum_vacuum_scale_factor = 0,
  toast.autovacuum_vacuum_threshold = 5000,
  toast.autovacuum_vacuum_cost_delay = 0
);

CREATE UNIQUE INDEX outbox_event_id_key ON outbox_event (id);

-- Events without a key, most of them, cost this index nothing.
CREATE UNIQUE INDEX outbox_event_idempotency_key_key ON outbox_event (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- None of the indexes below holds a lease column, so that claiming and extending a lease touch no index.

-- The claim's own order. A row that backs off or is scheduled for later lies beyond the present moment, where the claim does
-- not look, and a retry that has become due takes its turn among the new rows.
CREATE INDEX outbox_event_due_idx ON outbox_event ((coalesce(next_attempt_at, scheduled_at, created_at)), seq)
  WHERE status = 'pending';

-- Reading whole buckets in the order of their keys' events.
CREATE INDEX outbox_event_bucket_idx ON outbox_event (bucket, seq) WHERE status = 'pending';

-- What keeps the later events of a key waiting: its head backs off, or has failed. Small, and free for rows that are neither.
CREATE INDEX outbox_event_backing_off_idx ON outbox_event (bucket, seq)
  WHERE status = 'pending' AND next_attempt_at IS NOT NULL;
CREATE INDEX outbox_event_failed_idx ON outbox_event (bucket, seq) WHERE status = 'failed';

-- Received messages. Columns and reasons as above. A message is known by its id within a consumer group, so the
-- producer's idempotency key is not unique here: two groups receive the same one.
CREATE TABLE inbox_event (
  seq              bigint         NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
  id               uuid           NOT NULL,
  message_id       varchar(255)   NOT NULL,
  consumer_group   varchar(255)   NOT NULL,
  source           varchar(255)   NOT NULL,
  event_type       varchar(100)   NOT NULL,
  schema_version   varchar(50)    NOT NULL,
  topic            varchar(255)   NOT NULL,
  partition_key    varchar(255)   NOT NULL,
  bucket           smallint       NOT NULL,
  payload          jsonb          NOT NULL,
  headers          jsonb          NOT NULL DEFAULT '{}',
  trace_id         varchar(64),
  correlation_id   varchar(64),
  causation_id     varchar(64),
  idempotency_key  varchar(128),
  status           text           NOT NULL DEFAULT 'pending',
  attempts_made    smallint       NOT NULL DEFAULT 0,
  max_attempts     smallint       NOT NULL,
  started_attempts smallint       NOT NULL DEFAULT 0,
  last_error       text,
  created_at       timestamptz(3) NOT NULL DEFAULT statement_timestamp(),
  scheduled_at     timestamptz(3),
  next_attempt_at  timestamptz(3),
  completed_at     timestamptz(3),
  lease_token      uuid,
  lease_until      timestamptz(3),
  locked_by        varchar(255),

  CONSTRAINT inbox_event_pkey PRIMARY KEY (seq),
  CONSTRAINT inbox_event_status_check CHECK (status IN ('pending', 'completed', 'failed')),
  CONSTRAINT inbox_event_completed_check CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
  CONSTRAINT inbox_event_lease_check CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
  CONSTRAINT inbox_event_leased_check CHECK (status = 'pending' OR lease_token IS NULL),
  CONSTRAINT inbox_event_attempts_check CHECK (attempts_made BETWEEN 0 AND max_attempts AND max_attempts >= 1),
  CONSTRAINT inbox_event_started_attempts_check CHECK (started_attempts >= 0),
  CONSTRAINT inbox_event_last_error_check CHECK (octet_length(last_error) <= 2000),
  CONSTRAINT inbox_event_bucket_check CHECK (bucket >= 0),
  CONSTRAINT inbox_event_payload_check CHECK (jsonb_typeof(payload) = 'object'),
  CONSTRAINT inbox_event_headers_check CHECK (jsonb_typeof(headers) = 'object')
)
-- Most rows are inserted as completed and never updated, so pages stay fuller than in the outbox.
WITH (
  fillfactor = 90,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 50000
);

CREATE UNIQUE INDEX inbox_event_id_key ON inbox_event (id);
CREATE UNIQUE INDEX inbox_event_message_id_consumer_group_key ON inbox_event (message_id, consumer_group);
CREATE INDEX inbox_event_due_idx ON inbox_event ((coalesce(next_attempt_at, scheduled_at, created_at)), seq)
  WHERE status = 'pending';
CREATE INDEX inbox_event_bucket_idx ON inbox_event (bucket, seq) WHERE status = 'pending';

-- Which worker may publish the events of a bucket. The index on (bucket, epoch) makes every change of the epoch a change
-- of a key column, which then waits for outcome statements that hold the row FOR KEY SHARE.
CREATE TABLE outbox_bucket (
  bucket      smallint       NOT NULL,
  owner       varchar(255),
  epoch       bigint         NOT NULL DEFAULT 0,
  lease_until timestamptz(3),
  unclean     boolean        NOT NULL DEFAULT false,

  CONSTRAINT outbox_bucket_pkey PRIMARY KEY (bucket),
  CONSTRAINT outbox_bucket_bucket_check CHECK (bucket >= 0),
  CONSTRAINT outbox_bucket_epoch_check CHECK (epoch >= 0)
)
-- A few rows that are renewed every few seconds, for ever.
WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE UNIQUE INDEX outbox_bucket_bucket_epoch_key ON outbox_bucket (bucket, epoch);

INSERT INTO outbox_bucket (bucket) SELECT generate_series(0, 63);

-- The living workers, also those that own no bucket yet.
CREATE TABLE outbox_worker (
  id          varchar(255)   NOT NULL,
  lease_until timestamptz(3) NOT NULL,

  CONSTRAINT outbox_worker_pkey PRIMARY KEY (id)
)
WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

INSERT INTO omni_box_migration (name) VALUES ('omni_box_init');
