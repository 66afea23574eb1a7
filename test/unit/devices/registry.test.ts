import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAdmission } from '../../../gateway/devices/admission.ts'
import { createClaims } from '../../../gateway/devices/claims.ts'
import { createPasswords } from '../../../gateway/devices/passwords.ts'
import { createRegistry, OF_KIND_SQL } from '../../../gateway/devices/registry.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import { handClock } from '../../support/clock.ts'
import { tempFolder } from '../../support/temp-folder.ts'

function setUp() {
  const store = openStore({ path: join(tempFolder(), 'kefu.db') })
  const registry = createRegistry(store)
  const clock = handClock()
  return { store, registry, clock, claims: createClaims(store, registry) }
}

describe('the registry', () => {
  it('lists the devices of a kind that are switched on, without reading the others', () => {
    const { registry, store } = setUp()
    for (const id of ['nurse-2', 'nurse-1', 'nurse-3']) registry.add({ id, kind: 'nurse' }, 1)
    registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 1)
    registry.setDisabled('nurse-3', true, 2)
    expect(registry.listOfKind('nurse').map(({ id }) => id)).toEqual(['nurse-1', 'nurse-2'])
    const plan = store.prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${OF_KIND_SQL}`).all('nurse')
    expect(plan.map(({ detail }) => detail).join('; ')).toContain('USING INDEX device_kind')
  })

  it('knows a device again by its token, and by nothing else', () => {
    const { registry } = setUp()
    const { token } = registry.add({ id: 'kiosk-1', kind: 'kiosk', groups: ['hall'] }, 1)
    expect(registry.authenticate(token, 'kiosk-1')).toEqual({
      ok: true,
      device: expect.objectContaining({ id: 'kiosk-1', kind: 'kiosk', groups: ['hall'] }),
    })
    expect(registry.authenticate(token)).toMatchObject({ ok: true })
    expect(registry.authenticate(token, 'kiosk-2')).toMatchObject({ ok: false })
    expect(registry.authenticate(`${token}x`, 'kiosk-1')).toMatchObject({ ok: false })
  })

  it('does not keep the token itself', () => {
    const { registry, store } = setUp()
    const { token } = registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 1)
    const kept = JSON.stringify(store.prepare('SELECT *, hex(token_hash) AS h FROM device').all())
    expect(kept).not.toContain(token)
  })

  it('refuses a second device of the same id, and replaces the token when asked to', () => {
    const { registry } = setUp()
    const old = registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 1).token
    expect(() => registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 2)).toThrow(
      expect.objectContaining({ code: 'device.exists' }),
    )
    const fresh = registry.add({ id: 'kiosk-1', kind: 'speaker', replace: true }, 2).token
    expect(registry.authenticate(old, 'kiosk-1').ok).toBe(false)
    expect(registry.authenticate(fresh, 'kiosk-1')).toMatchObject({
      ok: true,
      device: { kind: 'speaker' },
    })
  })

  it.each(['', '-x', 'a b', 'a/b', '床', 'x'.repeat(65)])('refuses the id "%s"', (id) => {
    const { registry } = setUp()
    expect(() => registry.add({ id, kind: 'kiosk' }, 1)).toThrow(
      expect.objectContaining({ code: 'device.invalid' }),
    )
  })

  it('keeps a switched-off device out until it is switched on', () => {
    const { registry } = setUp()
    const { token } = registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 1)
    registry.setDisabled('kiosk-1', true, 2)
    expect(registry.authenticate(token)).toEqual({ ok: false, code: 'auth.disabled' })
    registry.setDisabled('kiosk-1', false, 3)
    expect(registry.authenticate(token).ok).toBe(true)
  })
})

describe('claim codes', () => {
  it('make one device each, once, in time', () => {
    const { claims, registry, clock } = setUp()
    const code = claims.make({ kind: 'speaker', groups: ['ward-3'] }, clock.now())
    const made = claims.redeem(code.toLowerCase(), 'speaker-7', clock.now())
    expect(registry.authenticate(made.token, 'speaker-7')).toMatchObject({
      device: { kind: 'speaker', groups: ['ward-3'] },
    })
    expect(() => claims.redeem(code, 'speaker-8', clock.now())).toThrow(
      expect.objectContaining({ code: 'enroll.claim-refused' }),
    )
  })

  it('give another box in the place of a device a new secret, in its ward, and no other device', () => {
    const { claims, registry, clock } = setUp()
    const old = registry.add({ id: 'bed-7', kind: 'bedside', groups: ['ward-3'] }, 1)
    const grant = { kind: 'bedside', groups: ['ward-3'], deviceId: 'bed-7' }
    const code = claims.make(grant, clock.now())
    expect(() => claims.redeem(code, 'bed-8', clock.now())).toThrow(/bed-7/)
    const { token } = claims.redeem(code, 'bed-7', clock.now())
    expect(registry.authenticate(token, 'bed-7')).toMatchObject({ device: { groups: ['ward-3'] } })
    expect(registry.authenticate(old.token, 'bed-7').ok).toBe(false)
  })

  it('bring back no device that was removed or disabled since, and move none to its old ward', () => {
    const { claims, registry, clock } = setUp()
    registry.add({ id: 'bed-7', kind: 'bedside', groups: ['ward-3'] }, 1)
    const claim = () =>
      claims.make({ kind: 'bedside', groups: ['ward-3'], deviceId: 'bed-7' }, clock.now())
    const refused = expect.objectContaining({ code: 'enroll.claim-refused' })
    const [first, second] = [claim(), claim()]
    registry.update('bed-7', { groups: ['ward-5'] })
    claims.redeem(first, undefined, clock.now())
    expect(registry.get('bed-7')?.groups).toEqual(['ward-5'])
    expect(() => claims.redeem(second, undefined, clock.now())).toThrow(refused)
    const third = claim()
    registry.setDisabled('bed-7', true, clock.now())
    expect(() => claims.redeem(third, undefined, clock.now())).toThrow(refused)
    registry.remove('bed-7')
    expect(() => claims.redeem(third, 'bed-7', clock.now())).toThrow(refused)
  })

  it.each([' ', '', '–', ' - '])('are taken with "%s" typed between their halves', (between) => {
    const { claims, clock } = setUp()
    const code = claims.make({ kind: 'speaker', groups: [] }, clock.now())
    const typed = ` ${code.toLowerCase().replace('-', between)}`
    expect(claims.redeem(typed, 'speaker-7', clock.now()).deviceId).toBe('speaker-7')
  })

  it('are refused after an hour', () => {
    const { claims, clock } = setUp()
    const code = claims.make({ kind: 'speaker', groups: [] }, clock.now())
    clock.advance(61 * 60_000)
    expect(() => claims.redeem(code, undefined, clock.now())).toThrow(
      expect.objectContaining({ code: 'enroll.claim-refused' }),
    )
  })
})

describe('admission', () => {
  it('slows the device that fails down, and nobody else at its address', () => {
    const { registry, clock } = setUp()
    const { token } = registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 1)
    const admission = createAdmission({ registry, clock, passwords: createPasswords() })
    const guess = () =>
      admission.admit({ deviceId: 'kiosk-1', token: 'kd_wrong', remoteAddress: '10.0.0.9' })
    for (let i = 0; i < 11; i++)
      expect(guess).toThrow(expect.objectContaining({ code: 'auth.refused' }))
    expect(guess).toThrow(expect.objectContaining({ code: 'auth.backing-off' }))
    expect(admission.admit({ deviceId: 'kiosk-1', token, remoteAddress: '10.0.0.10' }).id).toBe(
      'kiosk-1',
    )
    const other = registry.add({ id: 'kiosk-2', kind: 'kiosk' }, 1)
    expect(
      admission.admit({ deviceId: 'kiosk-2', token: other.token, remoteAddress: '10.0.0.9' }).id,
    ).toBe('kiosk-2')
    clock.advance(1500)
    expect(admission.admit({ deviceId: 'kiosk-1', token, remoteAddress: '10.0.0.9' }).id).toBe(
      'kiosk-1',
    )
  })
})
