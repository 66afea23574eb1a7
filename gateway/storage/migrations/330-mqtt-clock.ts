export const mqttClock = {
  id: 330,
  name: 'mqtt clock',
  sql: `
    -- The time that was proven when broker time was noted: the difference to it is how long the box rested.
    ALTER TABLE mqtt_clock ADD COLUMN proven_ms INTEGER;
  `,
}
