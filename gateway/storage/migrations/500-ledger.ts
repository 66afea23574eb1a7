/**
 * Tables of the ledger. `ledger_entry.pos` is lane × 2^50 + sequence, so one index serves every lane;
 * `ask` is a keyed hash of device and ask id. A tile row keeps the root of a full tile, and its hashes
 * once the entries below it were removed. A subject key row is written once and zeroed in place, never
 * moved or resized, so that no copy of a destroyed key stays in the file.
 */
export const ledger = {
  id: 500,
  name: 'ledger',
  sql: `
    CREATE TABLE ledger_entry (
      idx   INTEGER PRIMARY KEY,
      pos   INTEGER NOT NULL UNIQUE,
      ask   INTEGER,
      hash  BLOB NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT;
    CREATE INDEX ledger_entry_by_ask ON ledger_entry (ask) WHERE ask IS NOT NULL;
    CREATE TABLE ledger_tile (
      id     INTEGER PRIMARY KEY,
      root   BLOB NOT NULL,
      hashes BLOB
    ) STRICT;
    CREATE TABLE ledger_checkpoint (
      size  INTEGER PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      note  TEXT NOT NULL
    ) STRICT;
    CREATE TABLE ledger_epoch (
      n           INTEGER PRIMARY KEY,
      id          TEXT NOT NULL UNIQUE,
      first_index INTEGER NOT NULL,
      opened_at   INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE ledger_lane (
      lane        INTEGER PRIMARY KEY,
      settled     INTEGER NOT NULL DEFAULT 0,
      delivered   INTEGER NOT NULL DEFAULT 0,
      expired     INTEGER NOT NULL DEFAULT 0,
      quarantined INTEGER NOT NULL DEFAULT 0,
      removed     INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE ledger_quarantine (
      pos    INTEGER PRIMARY KEY,
      reason TEXT NOT NULL,
      at_ms  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE ledger_setting (
      name  TEXT PRIMARY KEY,
      value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE ledger_hold (
      tag    BLOB PRIMARY KEY,
      reason TEXT NOT NULL,
      at_ms  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE subject_key (
      id      INTEGER PRIMARY KEY,
      tag     BLOB NOT NULL,
      class   INTEGER NOT NULL,
      period  INTEGER NOT NULL,
      wrapped BLOB NOT NULL
    ) STRICT;
    CREATE INDEX subject_key_by_tag ON subject_key (tag, class, period);
    CREATE TABLE ledger_clock (
      id       INTEGER PRIMARY KEY CHECK (id = 1),
      floor_ms INTEGER NOT NULL
    ) STRICT;
  `,
}
