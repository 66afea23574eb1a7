export const deviceGenerations = {
  id: 150,
  name: 'device generations',
  // How often a name was given anew (removed and added, or a new secret); absent: never. It outlives the device.
  sql: `CREATE TABLE device_generation (
    device_id TEXT PRIMARY KEY, generation INTEGER NOT NULL
  ) WITHOUT ROWID`,
}
