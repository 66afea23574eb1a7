export const mqttWaiting = {
  id: 320,
  name: 'mqtt-waiting',
  sql: `
    -- Messages that wait, by when they are too old: only those that are due are looked at.
    CREATE INDEX mqtt_queue_by_age ON mqtt_queue (drop_at) WHERE packet_id IS NULL;
    -- Of a session that ends, only these go to somebody else.
    CREATE INDEX mqtt_queue_shared ON mqtt_queue (session_id, seq) WHERE share IS NOT NULL;

    -- Sessions that have ended and whose queue is still being cleared. Their numbers are not given again.
    CREATE TABLE mqtt_ended (
      session_id INTEGER PRIMARY KEY
    ) STRICT;
  `,
}
