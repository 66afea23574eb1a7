export const sessions = {
  id: 200,
  name: 'sessions',
  sql: `
    CREATE TABLE session (
      id           TEXT PRIMARY KEY,
      subject_id   TEXT,
      subject_kind TEXT,
      state        BLOB NOT NULL,
      updated_at   INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX session_by_subject ON session (subject_kind, subject_id, updated_at)
      WHERE subject_id IS NOT NULL;
    CREATE INDEX session_by_age ON session (updated_at);
  `,
}
