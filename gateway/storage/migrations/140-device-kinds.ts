export const deviceKinds = {
  id: 140,
  name: 'device kinds',
  // Each call for staff asks for theirs, on a site of thousands of devices.
  sql: 'CREATE INDEX device_kind ON device (kind)',
}
