import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { createSessions } from '../../../gateway/dialogue/sessions.ts'
import {
  createSessionSharing,
  recallFirst,
  type SessionSharing,
  shareSessions,
} from '../../../gateway/dialogue/shared-sessions.ts'
import { createSiteSeal, SITE_KEY_BYTES } from '../../../gateway/fabric/site-seal.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import type { IncomingAsk, Session } from '../../../gateway/turn.ts'
import { handClock } from '../../support/clock.ts'
import { createLocalSite } from '../../support/local-site.ts'
import { subjectKeysIn } from '../../support/subject-keys.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MINUTE_MS = 60_000
const IDLE_MS = 30 * MINUTE_MS
const seal = createSiteSeal(Buffer.alloc(SITE_KEY_BYTES, 1))
const anna = { id: 'p1', kind: 'patient' } as const

function startSite() {
  const clock = handClock()
  const place = createLocalSite(clock)
  const box = () => {
    const store = openStore({ path: join(tempFolder(), 'kefu.db') })
    const own = createSessions({ store, clock, keys: subjectKeysIn(store), idleMs: IDLE_MS })
    const forgotten: unknown[] = []
    const sharing: SessionSharing = createSessionSharing({
      values: place.join(),
      seal,
      store,
      sessions: own,
      clock,
      idleMs: IDLE_MS,
      onError: (error) => {
        throw error
      },
      onForgotten: (subject) => forgotten.push(subject),
    })
    const sessions = shareSessions(own, () => sharing)
    const turn = async (ask: Partial<IncomingAsk['ask']>): Promise<Session> => {
      const incoming: IncomingAsk = {
        ask: { id: 'a', text: 'x', ...ask },
        device: { id: 'k1', kind: 'kiosk', groups: [] },
        channel: 'mqtt',
        receivedAtMs: clock.now(),
      }
      await sharing.recall(incoming)
      const session = sessions.resume(incoming)
      const next = { ...session, turns: session.turns + 1, updatedAtMs: clock.now() }
      await store.commit(() => sessions.save(next, 'k1'))
      await store.durable()
      return next
    }
    return { turn, sessions, store, sharing, forgotten }
  }
  return { a: box(), b: box(), clock, place }
}

describe('a session shared by boxes', () => {
  it('goes on from box to box, by subject and by id, always from its last turn', async () => {
    const { a, b } = startSite()
    const first = await a.turn({ subject: anna })
    expect(await b.turn({ subject: anna })).toMatchObject({ id: first.id, turns: 2 })
    expect(await a.turn({ session: first.id })).toMatchObject({ id: first.id, turns: 3 })
    expect(await b.turn({ session: first.id, subject: anna })).toMatchObject({ turns: 4 })
  })

  it('ends after its idle time on every box', async () => {
    const { a, b, clock } = startSite()
    const first = await a.turn({ subject: anna })
    clock.advance(IDLE_MS + 1)
    expect((await b.turn({ subject: anna })).id).not.toBe(first.id)
  })

  it('goes on by its device alone for a minute and a half, and not once it is a person’s', async () => {
    const { a, b, clock } = startSite()
    const first = await a.turn({})
    expect(await b.turn({})).toMatchObject({ id: first.id, turns: 2 })
    expect(await a.turn({})).toMatchObject({ id: first.id, turns: 3 })
    clock.advance(90_001)
    const next = await a.turn({})
    expect(next).toMatchObject({ turns: 1 })
    await a.turn({ session: next.id, subject: anna })
    expect((await b.turn({})).id).not.toBe(next.id)
  })

  it('is not lent to another person', async () => {
    const { a, b } = startSite()
    const first = await a.turn({ subject: anna })
    await expect(
      b.turn({ session: first.id, subject: { ...anna, id: 'p2' } }),
    ).rejects.toMatchObject({ code: 'session.not-yours' })
  })

  it('goes on by itself while the others are away', async () => {
    const { a, b, place } = startSite()
    const first = await a.turn({ subject: anna })
    place.setAway(true)
    expect(await a.turn({ subject: anna })).toMatchObject({ id: first.id, turns: 2 })
    expect((await b.turn({ subject: anna })).id).not.toBe(first.id)
  })

  it('of an erased person is found nowhere', async () => {
    const { a, b } = startSite()
    const first = await a.turn({ subject: anna })
    await a.store.commit(() => a.sessions.forget(anna))
    await vi.waitFor(() => expect(a.forgotten).toEqual([anna]))
    expect((await b.turn({ subject: anna })).id).not.toBe(first.id)
    expect((await b.turn({ session: first.id })).id).not.toBe(first.id)
  })

  it('costs a box that is alone not one tick', async () => {
    const answer = vi.fn(() => Promise.resolve({} as never))
    void recallFirst(answer, () => undefined)({} as IncomingAsk)
    expect(answer).toHaveBeenCalledOnce()
  })

  it('that was erased while nobody heard is not lent again, and its copy goes when it can', async () => {
    const { a, b, place } = startSite()
    const { id } = await a.turn({ subject: anna })
    place.setAway(true)
    await a.store.commit(() => a.sessions.forget(anna))
    place.setAway(false)
    expect(await a.turn({ session: id })).toMatchObject({ turns: 1 })
    const copy = () => place.join().get([`session:${seal.nameOf(`session/${id}`)}`])
    await vi.waitFor(async () => expect(await copy()).toEqual([undefined]), { timeout: 4000 })
    expect(await b.turn({ session: id })).toMatchObject({ turns: 1 })
  })

  it('that was erased stays so, though the person goes on while nobody hears', async () => {
    const { a, b, place } = startSite()
    const { id } = await a.turn({ subject: anna })
    place.setAway(true)
    await a.store.commit(() => a.sessions.forget(anna))
    const next = await a.turn({ subject: anna })
    expect(next).toMatchObject({ turns: 1 })
    place.setAway(false)
    await vi.waitFor(
      async () => {
        const known = await place.join().get([`subject:${seal.nameOf('subject/patient/p1')}`])
        expect(known).toEqual([undefined])
      },
      { timeout: 4000 },
    )
    expect((await b.turn({ subject: anna })).id).not.toBe(id)
  })
})
