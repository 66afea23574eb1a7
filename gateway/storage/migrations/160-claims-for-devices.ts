export const claimsForDevices = {
  id: 160,
  name: 'claims for devices',
  // The device that is to get a new secret by it; null: a new device.
  sql: 'ALTER TABLE claim ADD COLUMN device_id TEXT',
}
