export const sealedSessions = {
  id: 220,
  name: 'sealed sessions',
  // `key_id` is the data key that seals `state`, `subject_tag` a keyed hash. Conversations that are open
  // while the program is brought up to date begin anew: they rest half an hour at the most.
  sql: `
    DROP TABLE session;
    CREATE TABLE session (
      id          TEXT PRIMARY KEY,
      subject_tag BLOB,
      key_id      INTEGER NOT NULL,
      state       BLOB NOT NULL,
      updated_at  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX session_by_subject ON session (subject_tag) WHERE subject_tag IS NOT NULL;
  `,
}
