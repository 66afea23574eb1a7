import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createSessions, DEVICE_SESSION_IDLE_MS } from '../../../gateway/dialogue/sessions.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import type { IncomingAsk, Session } from '../../../gateway/turn.ts'
import { handClock } from '../../support/clock.ts'
import { subjectKeysIn } from '../../support/subject-keys.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MINUTE_MS = 60_000
const anna = { id: 'p1', kind: 'patient' } as const

function setUp(path = join(tempFolder(), 'kefu.db'), clock = handClock()) {
  const store = openStore({ path })
  const sessions = createSessions({
    store,
    clock,
    keys: subjectKeysIn(store),
    idleMs: 30 * MINUTE_MS,
  })
  const incoming = (deviceId: string, ask: Partial<IncomingAsk['ask']> = {}): IncomingAsk => ({
    ask: { id: 'a', text: 'x', ...ask },
    device: { id: deviceId, kind: 'kiosk', groups: [] },
    channel: 'mqtt',
    receivedAtMs: clock.now(),
  })
  const turn = (deviceId: string, ask: Partial<IncomingAsk['ask']> = {}): Session => {
    const session = sessions.resume(incoming(deviceId, ask))
    const next = { ...session, turns: session.turns + 1, updatedAtMs: clock.now() }
    sessions.save(next, deviceId)
    return next
  }
  return { store, sessions, clock, path, turn, incoming }
}

describe('a session', () => {
  it('goes on at another device when its id is named', () => {
    const { turn } = setUp()
    const first = turn('kiosk-1')
    expect(turn('kiosk-2', { session: first.id })).toMatchObject({ id: first.id, turns: 2 })
  })

  it('goes on at another device when its subject is named', () => {
    const { turn } = setUp()
    const first = turn('kiosk-1', { subject: anna })
    expect(turn('speaker-1', { subject: anna }).id).toBe(first.id)
    expect(turn('speaker-1', { subject: { ...anna, id: 'p2' } }).id).not.toBe(first.id)
  })

  it('survives a restart', async () => {
    const { turn, store, path, clock } = setUp()
    const first = turn('kiosk-1', { subject: anna })
    await store.close()
    expect(setUp(path, clock).turn('kiosk-2', { session: first.id })).toMatchObject({
      id: first.id,
      turns: 2,
      subject: anna,
    })
  })

  it('is that of its subject only', () => {
    const { turn, sessions, incoming } = setUp()
    const first = turn('kiosk-1', { subject: anna })
    expect(() =>
      sessions.resume(incoming('kiosk-2', { session: first.id, subject: { ...anna, id: 'p2' } })),
    ).toThrow(expect.objectContaining({ code: 'session.not-yours' }))
  })

  it('of a device without a subject ends when the person has walked away', () => {
    const { turn, clock } = setUp()
    const first = turn('kiosk-1')
    expect(turn('kiosk-1').id).toBe(first.id)
    clock.advance(DEVICE_SESSION_IDLE_MS + 1)
    expect(turn('kiosk-1').id).not.toBe(first.id)
  })

  it('of a person is not handed to the next one at the kiosk', () => {
    const { turn } = setUp()
    const first = turn('kiosk-1', { subject: anna })
    expect(turn('kiosk-1').id).not.toBe(first.id)
  })

  it('ends after its idle time, and its row goes', async () => {
    const { turn, clock, sessions, store } = setUp()
    const first = turn('kiosk-1', { subject: anna })
    clock.advance(31 * MINUTE_MS)
    expect(turn('kiosk-1', { session: first.id, subject: anna }).id).not.toBe(first.id)
    expect(await store.commit(() => sessions.expire(clock.now() - MINUTE_MS))).toBe(1)
  })

  it('forgets a subject who is erased', () => {
    const { turn, sessions } = setUp()
    const first = turn('kiosk-1', { subject: anna })
    expect(sessions.forget(anna)).toBe(1)
    expect(turn('kiosk-1', { session: first.id }).id).not.toBe(first.id)
  })

  it('that is erased while its answer is waited for does not come back with that', () => {
    const { turn, sessions } = setUp()
    const first = turn('kiosk-1', { subject: anna })
    sessions.forget(anna)
    const next = sessions.latest(first)
    expect(next).toMatchObject({ turns: 0, subject: anna })
    expect(next.id).not.toBe(first.id)
  })
})
