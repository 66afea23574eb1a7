import { join } from 'node:path'
import type { Presence } from '@kefu-edge/device-sdk/protocol/schemas'
import { afterEach, describe, expect, it } from 'vitest'
import { createPresences, GATHER_MS } from '../../../gateway/devices/presence.ts'
import { openStore, type Store } from '../../../gateway/storage/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const stores: Store[] = []
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
})

/** Presences on a real store, with a timer that a test moves on by hand. */
function start(path = join(tempFolder(), 'kefu.db')) {
  const store = openStore({ path, synchronous: 'OFF' })
  stores.push(store)
  const timers: { work: () => void; delayMs: number }[] = []
  const announced: (Presence & { device: string })[] = []
  const commits: number[] = []
  const errors: unknown[] = []
  let isFailing = false
  const presences = createPresences({
    store: {
      ...store,
      commit: (work) => {
        commits.push(1)
        if (!isFailing) return store.commit(work)
        return store.commit(() => {
          work()
          throw new Error('disk full')
        })
      },
    },
    clock: { now: () => 1_700_000_000_000 + announced.length },
    announce: (device, presence) => announced.push({ device, ...presence }),
    onError: (error) => errors.push(error),
    later: (work, delayMs) => timers.push({ work, delayMs }),
  })
  return {
    path,
    store,
    presences,
    announced,
    commits,
    errors,
    timers,
    failWrites: (shouldFail: boolean) => {
      isFailing = shouldFail
    },
    /** The time of the next timer has come. */
    pass: () => timers.shift()?.work(),
  }
}

describe('presence', () => {
  it('of many devices is kept and announced in one transaction', () => {
    const { presences, announced, commits, timers, pass } = start()
    for (let at = 0; at < 150; at++) presences.connected(`k${at}`, 'mqtt')
    expect(announced).toEqual([])
    expect(timers.map((timer) => timer.delayMs)).toEqual([GATHER_MS])
    pass()
    expect(commits).toHaveLength(1)
    expect(announced).toHaveLength(150)
    expect(announced.every((one) => one.online)).toBe(true)
    expect(timers).toEqual([])
  })

  it('of a whole site goes out in portions, so that nobody waits for it', () => {
    const { presences, announced, timers, pass } = start()
    for (let at = 0; at < 450; at++) presences.connected(`k${at}`, 'mqtt')
    pass()
    expect(announced).toHaveLength(200)
    expect(timers.map((timer) => timer.delayMs)).toEqual([0])
    while (timers.length > 0) pass()
    expect(announced.map((one) => one.device)).toEqual(
      Array.from({ length: 450 }, (_, at) => `k${at}`),
    )
  })

  it('of a device that came and went within the time ends offline, with the reason', () => {
    const { presences, announced, pass } = start()
    presences.connected('k1', 'mqtt')
    presences.disconnected('k1', 'mqtt', 'keep alive timeout')
    pass()
    expect(announced).toMatchObject([{ device: 'k1', online: false, reason: 'keep alive timeout' }])
    expect(presences.read('k1')).toMatchObject({ online: false, reason: 'keep alive timeout' })
  })

  it('of a device that went and came back within the time ends online', () => {
    const { presences, announced, pass } = start()
    presences.connected('k1', 'mqtt')
    pass()
    presences.disconnected('k1', 'mqtt', 'the connection was lost')
    presences.connected('k1', 'mqtt')
    pass()
    expect(announced.map((one) => one.online)).toEqual([true, true])
    expect(announced[1]).not.toHaveProperty('reason')
  })

  it('is answered as it is, announced or not', () => {
    const { presences } = start()
    expect(presences.read('k1')).toBeUndefined()
    presences.connected('k1', 'websocket')
    expect(presences.read('k1')).toMatchObject({ online: true })
    presences.disconnected('k1', 'websocket', 'gone')
    expect(presences.read('k1')).toMatchObject({ online: false, reason: 'gone' })
  })

  it('is announced at once while the gateway closes', () => {
    const { presences, announced } = start()
    presences.connected('k1', 'mqtt')
    presences.connected('k2', 'mqtt')
    presences.closing()
    expect(announced).toHaveLength(2)
    presences.disconnected('k1', 'mqtt', 'the gateway shuts down')
    expect(announced[2]).toMatchObject({ device: 'k1', online: false })
  })

  it('after a crash calls nobody online who has not come back', async () => {
    const first = start()
    first.presences.connected('k1', 'mqtt')
    first.pass()
    first.presences.connected('k2', 'mqtt')
    first.presences.disconnected('k1', 'mqtt', 'never announced')
    await first.store.close()
    const { presences, announced, timers } = start(first.path)
    presences.restarted()
    expect(announced).toMatchObject([
      { device: 'k1', online: false, reason: 'the gateway restarted' },
    ])
    expect(presences.read('k2')).toBeUndefined()
    for (const { work } of timers) work()
    expect(announced).toHaveLength(1)
  })

  it('that could not be written is written later, unless it has changed again', async () => {
    const { presences, announced, errors, failWrites, pass, timers } = start()
    failWrites(true)
    presences.connected('k1', 'mqtt')
    presences.connected('k2', 'mqtt')
    pass()
    presences.disconnected('k2', 'mqtt', 'gone')
    await new Promise((resolve) => setImmediate(resolve))
    expect(errors).toHaveLength(1)
    failWrites(false)
    announced.length = 0
    while (timers.length > 0) pass()
    expect(announced.map(({ device, online }) => [device, online])).toEqual([
      ['k2', false],
      ['k1', true],
    ])
  })

  it('of a removed device is forgotten, also what was not announced yet', () => {
    const { presences, announced, store, pass } = start()
    presences.connected('k1', 'mqtt')
    void store.commit(() => presences.forget('k1'))
    pass()
    expect(announced).toEqual([])
    expect(presences.read('k1')).toBeUndefined()
  })
})
