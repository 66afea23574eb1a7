/**
 * Whether each device was online when this was last known, so that a crash cannot leave it online for
 * ever; and which desired state was last published, so that one set while no gateway ran is made up for.
 */
export const presence = {
  id: 120,
  name: 'presence',
  sql: `
    CREATE TABLE presence (
      device_id TEXT PRIMARY KEY,
      online    INTEGER NOT NULL,
      since_ms  INTEGER NOT NULL,
      reason    TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX presence_online ON presence (device_id) WHERE online = 1;
    CREATE TABLE twin_published (
      device_id TEXT PRIMARY KEY,
      version   INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
}
