export const packs = {
  id: 400,
  name: 'packs',
  sql: `
    CREATE TABLE pack (
      name         TEXT NOT NULL,
      digest       TEXT NOT NULL,
      version      TEXT NOT NULL,
      content      BLOB NOT NULL,
      test_score   REAL NOT NULL,
      installed_at INTEGER NOT NULL,
      PRIMARY KEY (name, digest)
    ) STRICT;
    CREATE TABLE active_pack (
      name     TEXT PRIMARY KEY,
      digest   TEXT NOT NULL,
      previous TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE language_model (
      packs_digest TEXT PRIMARY KEY,
      model        BLOB NOT NULL,
      trained_at   INTEGER NOT NULL
    ) STRICT;
  `,
}
