export const mqttAging = {
  id: 350,
  name: 'mqtt aging',
  sql: `
    -- Waiting messages that are older than their rows say, by how much: those above done_seq, up to last_seq.
    CREATE TABLE mqtt_aging (
      id       INTEGER PRIMARY KEY,
      by_ms    INTEGER NOT NULL,
      done_seq INTEGER NOT NULL,
      last_seq INTEGER NOT NULL
    ) STRICT;
  `,
}
