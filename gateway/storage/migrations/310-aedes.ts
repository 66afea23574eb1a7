export const aedes = {
  id: 310,
  name: 'aedes',
  sql: `
    -- State of clients that aedes itself serves (plug-ins); the sessions of devices are in mqtt_*.
    CREATE TABLE aedes_subscription (
      client_id TEXT NOT NULL,
      topic     TEXT NOT NULL,
      qos       INTEGER NOT NULL,
      options   BLOB NOT NULL,
      PRIMARY KEY (client_id, topic)
    ) STRICT;
    CREATE INDEX aedes_subscription_by_topic ON aedes_subscription (topic, client_id);

    CREATE TABLE aedes_outgoing (
      seq            INTEGER PRIMARY KEY,
      client_id      TEXT NOT NULL,
      broker_id      TEXT,
      broker_counter INTEGER,
      message_id     INTEGER,
      packet         BLOB NOT NULL
    ) STRICT;
    CREATE INDEX aedes_outgoing_by_client ON aedes_outgoing (client_id, seq);
    CREATE INDEX aedes_outgoing_by_message ON aedes_outgoing (client_id, message_id);
    CREATE INDEX aedes_outgoing_by_origin ON aedes_outgoing (client_id, broker_id, broker_counter);

    CREATE TABLE aedes_incoming (
      client_id  TEXT NOT NULL,
      message_id INTEGER NOT NULL,
      packet     BLOB NOT NULL,
      PRIMARY KEY (client_id, message_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE aedes_will (
      client_id TEXT PRIMARY KEY,
      broker_id TEXT,
      packet    BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
}
