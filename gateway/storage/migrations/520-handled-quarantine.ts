export const handledQuarantine = {
  id: 520,
  name: 'handled quarantine',
  // When an operator said that he had dealt with it; until then the doctor names it.
  sql: `
    ALTER TABLE ledger_quarantine ADD COLUMN handled_ms INTEGER;
  `,
}
