/**
 * The queue of speech per device. `wake_at` is when the announcer has to look at an open row again;
 * `payload` is emptied once the row is done, the rest stays for a while so that the same id is not said twice.
 */
export const speech = {
  id: 600,
  name: 'speech',
  sql: `
    CREATE TABLE speech (
      device_id   TEXT NOT NULL,
      speech_id   TEXT NOT NULL,
      rank        INTEGER NOT NULL,
      payload     TEXT NOT NULL,
      state       TEXT NOT NULL,
      created_at  INTEGER NOT NULL,
      due_at      INTEGER NOT NULL,
      wake_at     INTEGER NOT NULL,
      expires_at  INTEGER NOT NULL,
      escalate_at INTEGER,
      plays       INTEGER NOT NULL DEFAULT 0,
      last_report TEXT,
      done_at     INTEGER,
      PRIMARY KEY (device_id, speech_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX speech_by_need ON speech (device_id, rank, created_at) WHERE done_at IS NULL;
    CREATE INDEX speech_by_wake ON speech (wake_at) WHERE done_at IS NULL;
    CREATE INDEX speech_by_end  ON speech (done_at) WHERE done_at IS NOT NULL;
  `,
}
