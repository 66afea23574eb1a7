export const largeEntries = {
  id: 510,
  name: 'large entries',
  // Where the large ones are is asked before each slice of a lane is read. Ordinary entries stay out of it,
  // so that an append writes no page more.
  sql: `
    CREATE INDEX ledger_entry_large ON ledger_entry (pos) WHERE length(bytes) > 8192;
  `,
}
