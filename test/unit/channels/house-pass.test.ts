import { describe, expect, it } from 'vitest'
import { createHousePass } from '../../../gateway/channels/house-pass.ts'
import type { MqttCredentials } from '../../../gateway/channels/mqtt/ports.ts'

const credentials = (clientId: string, username: string, password?: Buffer): MqttCredentials => ({
  clientId,
  username,
  password,
  certificate: undefined,
  protocolVersion: 5,
  remoteAddress: '10.0.0.9',
  transport: 'tcp',
})

describe.each([
  { role: 'bridge', clientId: '$bridge/hospital', username: '$bridge/hospital' },
  { role: 'site', clientId: 'bed-1', username: '$site' },
])('the name of the house as $role', ({ role, clientId, username }) => {
  it('is used by nobody who does not hold the secret of this run', () => {
    const pass = createHousePass()
    for (const guess of [undefined, Buffer.from('x'), createHousePass().secret]) {
      expect(pass.authenticate(credentials(clientId, username, guess))).toMatchObject({ ok: false })
    }
    const found = pass.authenticate(credentials(clientId, username, pass.secret))
    expect(found).toMatchObject({ ok: true, principal: { kind: role } })
    if (!found?.ok) return
    expect(pass.isBridge(found.principal)).toBe(role === 'bridge')
    expect(pass.isSite(found.principal)).toBe(role === 'site')
  })
})

it('a device that only looks like a part of the house is none', () => {
  const pass = createHousePass()
  expect(pass.authenticate(credentials('bridge', 'site'))).toBeUndefined()
  expect(pass.isBridge({ id: '$bridge/hospital', kind: 'bridge', groups: [] })).toBe(false)
  expect(pass.isSite({ id: '$site', kind: 'site', groups: [] })).toBe(false)
})
