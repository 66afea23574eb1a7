export const provenTime = {
  id: 530,
  name: 'proven time',
  // What a box had run with was believed until now; from here on a jump of the clock is not.
  sql: `
    ALTER TABLE ledger_clock ADD COLUMN proven_ms INTEGER;
    UPDATE ledger_clock SET proven_ms = floor_ms;
  `,
}
