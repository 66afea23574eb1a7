export const mqttRetainedAging = {
  id: 360,
  name: 'mqtt retained aging',
  sql: `
    -- Retained messages that are older than their rows say: JSON of [topic, expires_at by its row, as it should be].
    CREATE TABLE mqtt_retained_aging (
      id      INTEGER PRIMARY KEY,
      changes TEXT NOT NULL
    ) STRICT;
  `,
}
