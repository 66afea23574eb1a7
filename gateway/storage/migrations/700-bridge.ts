/**
 * Bridges to other brokers. `bridge_outgoing` lists what of the ledger still has to leave: `idx` is the
 * leaf of the entry, `packet_id` and `is_released` where its QoS 1 or 2 handshake stands. `payload` is
 * there only where it does not fit into a ledger entry. `bridge_received` holds the packet ids of QoS 2
 * messages that were taken and not yet released, by the side they came from;
 * `bridge_filter` the subscriptions that the kept sessions hold, so that one taken out of the configuration ends.
 */
export const bridge = {
  id: 700,
  name: 'bridge',
  sql: `
    CREATE TABLE bridge_mark (
      bridge   TEXT PRIMARY KEY,
      sent_idx INTEGER NOT NULL,
      sent     INTEGER NOT NULL,
      refused  INTEGER NOT NULL,
      expired  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE bridge_outgoing (
      bridge      TEXT NOT NULL,
      idx         INTEGER NOT NULL,
      packet_id   INTEGER,
      is_released INTEGER NOT NULL DEFAULT 0,
      payload     BLOB,
      PRIMARY KEY (bridge, idx)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX bridge_large ON bridge_outgoing (bridge, idx) WHERE payload IS NOT NULL;
    CREATE INDEX bridge_inflight ON bridge_outgoing (bridge, packet_id) WHERE packet_id IS NOT NULL;
    CREATE TABLE bridge_received (
      bridge    TEXT NOT NULL,
      side      TEXT NOT NULL CHECK (side IN ('local', 'remote')),
      packet_id INTEGER NOT NULL,
      PRIMARY KEY (bridge, side, packet_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE bridge_filter (
      bridge TEXT NOT NULL,
      side   TEXT NOT NULL CHECK (side IN ('local', 'remote')),
      filter TEXT NOT NULL,
      PRIMARY KEY (bridge, side, filter)
    ) STRICT, WITHOUT ROWID;
  `,
}
