import { describe, expect, it } from 'vitest'
import { createBridgePass } from '../../../gateway/bridge/bridge-pass.ts'
import { plainReason } from '../../../gateway/bridge/plain-reason.ts'
import type { MqttCredentials } from '../../../gateway/channels/mqtt/ports.ts'

const credentials = (clientId: string, password?: Buffer): MqttCredentials => ({
  clientId,
  username: clientId,
  password,
  certificate: undefined,
  protocolVersion: 5,
  remoteAddress: '10.0.0.9',
  transport: 'tcp',
})

describe('the name of a bridge', () => {
  it('is used by nobody who does not hold the secret of this run', () => {
    const pass = createBridgePass()
    for (const guess of [undefined, Buffer.from('x'), createBridgePass().secret]) {
      expect(pass.authenticate(credentials('$bridge/hospital', guess))).toMatchObject({ ok: false })
    }
    const found = pass.authenticate(credentials('$bridge/hospital', pass.secret))
    expect(found).toMatchObject({ ok: true, principal: { kind: 'bridge' } })
    expect(found?.ok && pass.isBridge(found.principal)).toBe(true)
  })

  it('does not make a bridge of a device that only looks like one', () => {
    const pass = createBridgePass()
    expect(pass.authenticate(credentials('bridge'))).toBeUndefined()
    expect(pass.isBridge({ id: '$bridge/hospital', kind: 'bridge', groups: [] })).toBe(false)
  })
})

describe('the reason why a link is down', () => {
  it('is in plain words', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(plainReason(refused)).toBe('nothing listens at that address and port')
    expect(plainReason(new AggregateError([refused]))).toBe(plainReason(refused))
    expect(plainReason(Object.assign(new Error('x'), { code: 134 }))).toContain('password')
    expect(plainReason(new Error('Keepalive timeout'))).toBe('Keepalive timeout')
  })
})
