/**
 * What a device shows that it knows its secret by, besides the hash of its token: an Argon2id hash of a
 * password, and the SCRAM keys of whichever secret it has. Nothing of it tells the secret.
 */
export const logins = {
  id: 130,
  name: 'logins',
  sql: `
    CREATE TABLE device_login (
      device_id     TEXT PRIMARY KEY,
      password_hash TEXT,
      salt          BLOB NOT NULL,
      iterations    INTEGER NOT NULL,
      stored_key    BLOB NOT NULL,
      server_key    BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
}
