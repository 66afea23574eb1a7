/** Tables of the core, each step run once, in order. */
export const migrations: readonly { readonly id: number; readonly sql: string }[] = [
  {
    id: 1,
    sql: `
      CREATE TABLE gateway (
        no          INTEGER PRIMARY KEY,
        id          TEXT NOT NULL UNIQUE,
        public_key  BLOB,
        ledger_key  TEXT,
        enrolled_at INTEGER NOT NULL,
        seen_at     INTEGER NOT NULL,
        echo_nonce  TEXT,
        echo_at     INTEGER
      ) STRICT;
      -- One row a gateway, epoch and lane; high is the mark that was acknowledged.
      CREATE TABLE stream (
        no         INTEGER PRIMARY KEY,
        gateway_no INTEGER NOT NULL REFERENCES gateway (no),
        epoch      TEXT NOT NULL,
        lane       TEXT NOT NULL,
        high       INTEGER NOT NULL DEFAULT 0,
        entries    INTEGER NOT NULL DEFAULT 0,
        bytes      INTEGER NOT NULL DEFAULT 0,
        duplicates INTEGER NOT NULL DEFAULT 0,
        missing    INTEGER NOT NULL DEFAULT 0,
        nonce      TEXT,
        updated_at INTEGER NOT NULL,
        UNIQUE (gateway_no, epoch, lane)
      ) STRICT;
      -- key = stream no * 2^32 + sequence: rows of a stream lie together, in order.
      CREATE TABLE entry (
        key        INTEGER PRIMARY KEY,
        leaf_index INTEGER NOT NULL,
        bytes      BLOB NOT NULL,
        disclosed  BLOB
      ) STRICT;
      CREATE TABLE refusal (
        key  INTEGER PRIMARY KEY,
        code TEXT NOT NULL
      ) STRICT;
      CREATE TABLE session (
        gateway_no INTEGER NOT NULL REFERENCES gateway (no),
        id         TEXT NOT NULL,
        first_at   INTEGER NOT NULL,
        last_at    INTEGER NOT NULL,
        turns      INTEGER NOT NULL,
        PRIMARY KEY (gateway_no, id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX session_by_time ON session (gateway_no, last_at);
      CREATE TABLE session_turn (
        gateway_no INTEGER NOT NULL,
        session_id TEXT NOT NULL,
        entry_key  INTEGER NOT NULL,
        PRIMARY KEY (gateway_no, session_id, entry_key)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 2,
    sql: `
      CREATE TABLE release (
        no            INTEGER PRIMARY KEY,
        kind          TEXT NOT NULL,
        name          TEXT NOT NULL,
        serial        INTEGER NOT NULL,
        label         TEXT NOT NULL,
        manifest      TEXT NOT NULL,
        signature     TEXT NOT NULL,
        content       BLOB NOT NULL,
        percent       REAL NOT NULL,
        expires_at    INTEGER NOT NULL,
        gateways      TEXT,
        halted_reason TEXT,
        UNIQUE (kind, name, serial)
      ) STRICT;
      CREATE TABLE release_outcome (
        release_no INTEGER NOT NULL REFERENCES release (no),
        gateway_no INTEGER NOT NULL REFERENCES gateway (no),
        outcome    TEXT NOT NULL,
        reason     TEXT,
        at         INTEGER NOT NULL,
        PRIMARY KEY (release_no, gateway_no)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 3,
    sql: `
      CREATE TABLE log_head (
        gateway_no    INTEGER NOT NULL REFERENCES gateway (no),
        origin        TEXT NOT NULL,
        size          INTEGER NOT NULL,
        root          BLOB NOT NULL,
        note          TEXT NOT NULL,
        at            INTEGER NOT NULL,
        broken_reason TEXT,
        PRIMARY KEY (gateway_no, origin)
      ) STRICT, WITHOUT ROWID;
      -- How far each stream was handed on to a sink.
      CREATE TABLE sink_mark (
        sink      TEXT NOT NULL,
        stream_no INTEGER NOT NULL REFERENCES stream (no),
        sequence  INTEGER NOT NULL,
        PRIMARY KEY (sink, stream_no)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 4,
    sql: `
      CREATE TABLE count_key (
        id TEXT PRIMARY KEY,
        n  TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      -- Who has counted; what he counted is only in the sum.
      CREATE TABLE count_given (
        period     TEXT NOT NULL,
        key_id     TEXT NOT NULL,
        gateway_no INTEGER NOT NULL,
        PRIMARY KEY (period, key_id, gateway_no)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE count_sum (
        period    TEXT NOT NULL,
        key_id    TEXT NOT NULL,
        layout_id TEXT NOT NULL,
        names     TEXT NOT NULL,
        gateways  INTEGER NOT NULL,
        sums      TEXT NOT NULL,
        PRIMARY KEY (period, key_id, layout_id)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 5,
    sql: `
      -- What a stream had when a day's first batch came: where retention may cut.
      CREATE TABLE stream_day (
        stream_no      INTEGER NOT NULL REFERENCES stream (no),
        day            INTEGER NOT NULL,
        after_sequence INTEGER NOT NULL,
        PRIMARY KEY (stream_no, day)
      ) STRICT, WITHOUT ROWID;
      -- What is there already counts as received today.
      INSERT INTO stream_day SELECT no, unixepoch() / 86400, 0 FROM stream;
    `,
  },
  {
    id: 6,
    sql: `
      -- Which entries show something of a person, by the data key (a pseudonym) that seals it at the gateway.
      CREATE TABLE disclosed_by (
        gateway_no INTEGER NOT NULL REFERENCES gateway (no),
        key_id     INTEGER NOT NULL,
        entry_key  INTEGER NOT NULL,
        PRIMARY KEY (gateway_no, key_id, entry_key)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX disclosed_by_entry ON disclosed_by (entry_key);
      -- Keys whose person was erased: what still comes of them is not kept.
      CREATE TABLE erased_key (
        gateway_no INTEGER NOT NULL REFERENCES gateway (no),
        key_id     INTEGER NOT NULL,
        PRIMARY KEY (gateway_no, key_id)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 7,
    sql: `
      -- What was given out of a sum: it may grow by several gateways only, since the difference tells of them.
      ALTER TABLE count_sum ADD COLUMN given_gateways INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE count_sum ADD COLUMN given_sums TEXT NOT NULL DEFAULT '[]';
    `,
  },
  {
    id: 8,
    sql: `
      -- What removal of old entries goes by; see proven-time.ts. A core with entries stands at its newest
      -- receipt, with a day behind it.
      CREATE TABLE core_time (
        id         INTEGER PRIMARY KEY CHECK (id = 1),
        proven_ms  INTEGER NOT NULL,
        counted_ms INTEGER NOT NULL
      ) STRICT;
      INSERT INTO core_time SELECT 1, max(updated_at), 86400000 FROM stream HAVING count(*) > 0;
    `,
  },
  {
    id: 9,
    sql: `
      ALTER TABLE gateway ADD COLUMN blocked_at INTEGER;
      -- Keys that were taken from a gateway: whoever still has one does not come in with it again.
      CREATE TABLE released_key (
        public_key BLOB PRIMARY KEY,
        gateway_no INTEGER NOT NULL REFERENCES gateway (no)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 10,
    sql: `
      -- The head that was cosigned before in another epoch, where this log does not contain it.
      ALTER TABLE log_head ADD COLUMN lost_origin TEXT;
      ALTER TABLE log_head ADD COLUMN lost_size INTEGER;
      ALTER TABLE log_head ADD COLUMN lost_root BLOB;
      ALTER TABLE log_head ADD COLUMN lost_at INTEGER;
      ALTER TABLE log_head ADD COLUMN accepted_reason TEXT;
      CREATE INDEX log_head_troubled ON log_head (gateway_no)
        WHERE broken_reason IS NOT NULL OR lost_size IS NOT NULL;
      -- Why the record says that it opened an epoch.
      CREATE TABLE epoch_opened (
        gateway_no  INTEGER NOT NULL REFERENCES gateway (no),
        epoch       TEXT NOT NULL,
        first_index INTEGER NOT NULL,
        reason      TEXT NOT NULL,
        answers_for TEXT,
        PRIMARY KEY (gateway_no, epoch)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 11,
    sql: `
      -- What every poll looks through stays small: what is large lies apart, the content last of it.
      CREATE TABLE release_content (
        release_no INTEGER PRIMARY KEY REFERENCES release (no),
        manifest   TEXT NOT NULL,
        signature  TEXT NOT NULL,
        gateways   TEXT,
        content    BLOB
      ) STRICT;
      INSERT INTO release_content SELECT no, manifest, signature, gateways, content FROM release;
      ALTER TABLE release ADD COLUMN is_for_some INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE release ADD COLUMN is_dropped INTEGER NOT NULL DEFAULT 0;
      UPDATE release SET is_for_some = gateways IS NOT NULL;
      -- Each of these writes every row anew: the content goes first, so that it is not carried along.
      ALTER TABLE release DROP COLUMN content;
      ALTER TABLE release DROP COLUMN manifest;
      ALTER TABLE release DROP COLUMN signature;
      ALTER TABLE release DROP COLUMN gateways;
      CREATE INDEX release_by_term ON release (expires_at);
    `,
  },
  {
    id: 12,
    sql: `
      -- Which head of a gateway came last, whatever the clock of the core said.
      ALTER TABLE log_head ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
      -- What it lacks was cosigned in an epoch that came after it: nothing that opened it explains that.
      ALTER TABLE log_head ADD COLUMN is_back INTEGER NOT NULL DEFAULT 0;
    `,
  },
  {
    id: 13,
    sql: `
      -- Heads of a core that did not count turns yet: streams are numbered as they came, whatever the clock
      -- said, so the epoch whose first one is older came first. Below zero, before all that are counted.
      UPDATE log_head SET turn = coalesce(
        (SELECT min(no) FROM stream WHERE stream.gateway_no = log_head.gateway_no
           AND substr(origin, -length(epoch) - 1) = '/' || epoch) - (SELECT max(no) + 1 FROM stream), 0)
        WHERE turn = 0;
    `,
  },
  {
    id: 14,
    sql: `
      -- Size of the head that showed last that a log is broken, 0 where entries did; null: it has gone on well
      -- since. A log that was cut only grows: what is shown from this size on is the same incident.
      ALTER TABLE log_head ADD COLUMN broken_size INTEGER;
    `,
  },
  {
    id: 15,
    sql: `
      -- A fork apart from what is wrong with heads, and accepted apart: one must not hide the other.
      ALTER TABLE log_head ADD COLUMN forked_reason TEXT;
      ALTER TABLE log_head ADD COLUMN fork_accepted_reason TEXT;
      UPDATE log_head SET forked_reason = broken_reason, fork_accepted_reason = accepted_reason,
        broken_reason = NULL, broken_size = NULL WHERE broken_reason LIKE 'forked: %';
      DROP INDEX log_head_troubled;
      CREATE INDEX log_head_troubled ON log_head (gateway_no)
        WHERE broken_reason IS NOT NULL OR lost_size IS NOT NULL OR forked_reason IS NOT NULL;
    `,
  },
  {
    id: 16,
    sql: `
      -- Where each lane showed a fork, and what came there (SHA-256): another place or another entry is another fork.
      CREATE TABLE log_fork (
        gateway_no INTEGER NOT NULL REFERENCES gateway (no),
        epoch      TEXT    NOT NULL,
        lane       TEXT    NOT NULL,
        sequence   INTEGER NOT NULL,
        digest     BLOB    NOT NULL,
        PRIMARY KEY (gateway_no, epoch, lane)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 17,
    sql: `
      -- Whose words an entry shows, as the gateway's keyed hash: after a restore it has lost keys of persons.
      ALTER TABLE disclosed_by ADD COLUMN person TEXT;
      CREATE INDEX disclosed_by_person ON disclosed_by (gateway_no, person) WHERE person IS NOT NULL;
    `,
  },
]
