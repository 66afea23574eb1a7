export const mqtt = {
  id: 300,
  name: 'mqtt',
  sql: `
    CREATE TABLE mqtt_session (
      id             INTEGER PRIMARY KEY,
      client_id      TEXT NOT NULL UNIQUE,
      expiry_seconds INTEGER NOT NULL,
      -- NULL while a connection holds the session
      expires_at     INTEGER
    ) STRICT;

    CREATE TABLE mqtt_subscription (
      session_id INTEGER NOT NULL,
      filter     TEXT NOT NULL,
      options    INTEGER NOT NULL,
      identifier INTEGER NOT NULL,
      PRIMARY KEY (session_id, filter)
    ) STRICT, WITHOUT ROWID;

    -- Messages on their way to a session, in order of seq; packet_id once they were first sent.
    -- New rows are appended, whoever they are for: a commit writes few pages.
    CREATE TABLE mqtt_queue (
      seq         INTEGER PRIMARY KEY,
      session_id  INTEGER NOT NULL,
      topic       TEXT NOT NULL,
      payload     BLOB NOT NULL,
      flags       INTEGER NOT NULL,
      properties  BLOB,
      identifiers TEXT,
      publisher   TEXT,
      share       TEXT,
      expires_at  INTEGER,
      drop_at     INTEGER,
      packet_id   INTEGER,
      released    INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX mqtt_queue_by_session ON mqtt_queue (session_id, seq);

    -- Packet ids of QoS 2 messages received and not yet released.
    CREATE TABLE mqtt_received (
      session_id INTEGER NOT NULL,
      packet_id  INTEGER NOT NULL,
      PRIMARY KEY (session_id, packet_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE mqtt_retained (
      topic      TEXT PRIMARY KEY,
      payload    BLOB NOT NULL,
      qos        INTEGER NOT NULL,
      properties BLOB,
      publisher  TEXT,
      expires_at INTEGER,
      -- fields that only a plug-in of the aedes core knows
      extra      BLOB
    ) STRICT, WITHOUT ROWID;

    -- Broker time reached by the last run.
    CREATE TABLE mqtt_clock (
      id      INTEGER PRIMARY KEY,
      last_ms INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE mqtt_will (
      client_id     TEXT PRIMARY KEY,
      topic         TEXT NOT NULL,
      payload       BLOB NOT NULL,
      flags         INTEGER NOT NULL,
      properties    BLOB,
      expiry_seconds INTEGER,
      delay_seconds INTEGER NOT NULL,
      -- NULL while the client is connected
      due_at        INTEGER
    ) STRICT, WITHOUT ROWID;
  `,
}
