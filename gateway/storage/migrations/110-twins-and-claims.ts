export const twinsAndClaims = {
  id: 110,
  name: 'twins and claims',
  sql: `
    CREATE TABLE twin (
      device_id TEXT NOT NULL,
      side      TEXT NOT NULL CHECK (side IN ('desired', 'reported')),
      field     TEXT NOT NULL,
      value     TEXT NOT NULL,
      version   INTEGER NOT NULL,
      PRIMARY KEY (device_id, side, field)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE claim (
      code_hash  BLOB PRIMARY KEY,
      kind       TEXT NOT NULL,
      groups     TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
}
