export const devices = {
  id: 100,
  name: 'devices',
  sql: `
    CREATE TABLE device (
      id          TEXT PRIMARY KEY,
      kind        TEXT NOT NULL,
      groups      TEXT NOT NULL DEFAULT '[]',
      token_hash  BLOB NOT NULL,
      created_at  INTEGER NOT NULL,
      disabled_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX device_by_token ON device (token_hash);
  `,
}
