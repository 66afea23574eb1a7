export const sessionIndex = {
  id: 210,
  name: 'session index',
  // Every turn moves `updated_at`: an index over it would cost each turn two page writes to speed up a
  // sweep of every five minutes and the choice among the few sessions of one subject.
  sql: `
    DROP INDEX session_by_age;
    DROP INDEX session_by_subject;
    CREATE INDEX session_by_subject ON session (subject_kind, subject_id)
      WHERE subject_id IS NOT NULL;
  `,
}
