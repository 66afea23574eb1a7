import { generateKeyPairSync } from 'node:crypto'
import { cpSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { isInRollout } from '@kefu-edge/cloud-sync/core/release-audience'
import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { type Identity, importPublicKey, loadIdentity } from '@kefu-edge/cloud-sync/identity'
import type { ReleaseTarget, Verdict } from '@kefu-edge/cloud-sync/install-release'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { type Link, silentLogger, systemClock, type TrustedTime } from '@kefu-edge/cloud-sync/ports'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import type { ReleaseManifest } from '@kefu-edge/cloud-sync/protocol/release'
import { createPuller, type Puller } from '@kefu-edge/cloud-sync/pull-packs'
import { openPullStore } from '@kefu-edge/cloud-sync/pull-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tempFolder } from '../../support/temp-folder.ts'
import { openRig, type Rig, readAsOperator, until } from './support/rig.ts'

const LATER = Date.now() + 3_600_000
const passed: Verdict = { kind: 'passed' }

/** A target as small as can be: what is in use, what is staged, what was before. */
class MemoryTarget implements ReleaseTarget {
  active = 'nothing'
  readonly seen: string[] = []
  #staged = ''
  #before = 'nothing'
  failsTestOf = ''
  diesAt = ''

  async stage(_manifest: ReleaseManifest, content: Uint8Array) {
    this.#staged = Buffer.from(content).toString()
    this.seen.push(`stage ${this.#staged.slice(0, 20)}`)
    if (this.#staged.includes('malformed')) return { kind: 'failed', reason: 'malformed' } as const
    return passed
  }
  async activate() {
    if (this.diesAt === 'activate') throw new Error('power cut')
    if (this.active !== this.#staged) this.#before = this.active
    this.active = this.#staged
  }
  async test() {
    if (this.failsTestOf && this.active.includes(this.failsTestOf)) {
      return { kind: 'failed', reason: '3 of 20 questions wrong' } as const
    }
    return passed
  }
  async rollback() {
    this.active = this.#before
  }
}

let rig: Rig
let folder: string
let target: MemoryTarget
beforeEach(async () => {
  rig = await openRig({ isInsecureHttp: true })
  folder = tempFolder()
  target = new MemoryTarget()
})
afterEach(async () => {
  await rig.close()
})

interface PullerSetting {
  readonly key?: string
  readonly time?: () => TrustedTime
  readonly link?: (link: Link) => Link
  readonly command?: ReleaseTarget
}

/** The core fails at these paths. */
const failing = (link: Link, isHit: (path: string) => boolean): Link => ({
  ...link,
  request: (request) =>
    isHit(request.path)
      ? Promise.resolve({ kind: 'answer', status: 500, body: Buffer.alloc(0) })
      : link.request(request),
})

function puller(options: PullerSetting = {}): Puller {
  const publisherKey = importPublicKey(Buffer.from(options.key ?? rig.core.publisherKey, 'base64'))
  if (!publisherKey) throw new Error('no key')
  return createPuller({
    link: options.link?.(rig.linkTo(rig.core.url)) ?? rig.linkTo(rig.core.url),
    gatewayId: rig.source.gatewayId,
    publisherKey,
    targets: { pack: target, config: target, command: options.command ?? target, twin: target },
    store: openPullStore(folder),
    clock: systemClock,
    ...(options.time ? { time: options.time } : {}),
    random: Math.random,
    logger: silentLogger,
  })
}

const publish = (content: string, more: object = {}) =>
  rig.core.releases.publish({
    kind: 'pack',
    name: 'hospital',
    label: '1.0.0',
    content: Buffer.from(content),
    expiresAtMs: LATER,
    ...more,
  })

async function reports() {
  const answer = (await readAsOperator(rig.core, '/v1/releases')) as {
    releases: { serial: number; active: number; rolledBack: number; haltedReason: string | null }[]
  }
  return answer.releases
}

describe('releases from the core', () => {
  it('takes the newest one, once, and reports it', async () => {
    await publish('first')
    await publish('second')
    const one = puller()
    expect(await one.pullOnce()).toBe(true)
    expect(target.active).toBe('second')
    expect(target.seen).toEqual(['stage second'])

    expect(await one.pullOnce()).toBe(true)
    expect(target.seen).toEqual(['stage second'])
    expect(await reports()).toMatchObject([
      { serial: 2, active: 1 },
      { serial: 1, active: 0 },
    ])
  })

  it('travels as a delta where that is smaller', async () => {
    const lines = Array.from({ length: 500 }, (_, n) => `intent ${n}: ${Math.sin(n)}\n`)
    await publish(lines.join(''))
    const one = puller()
    await one.pullOnce()
    lines[250] = 'intent 250: changed\n'
    await publish(lines.join(''))
    const box = { id: rig.identity.gatewayId }
    const sizeOf = async (base?: number) =>
      (await rig.core.releases.content(box, 'pack', 'hospital', 2, base)).length
    const full = await sizeOf()
    const delta = await sizeOf(1)
    expect(delta * 10).toBeLessThan(full)

    await one.pullOnce()
    expect(target.active).toBe(lines.join(''))
    // Only what is in use is kept.
    expect(readdirSync(folder).filter((file) => file.endsWith('.content'))).toEqual([
      'pack-hospital-2.content',
    ])
  })

  it('goes back by itself when the test questions of the pack fail', async () => {
    await publish('good')
    const one = puller()
    await one.pullOnce()
    target.failsTestOf = 'wrong answers'
    await publish('wrong answers')
    await one.pullOnce()
    expect(target.active).toBe('good')
    expect(one.status().releases).toMatchObject([
      { serial: 2, phase: 'rolled-back', reason: '3 of 20 questions wrong', contentSerial: 1 },
    ])

    // Not again, but the next one is taken, as a delta from what is in use.
    await one.pullOnce()
    await publish('good again')
    await one.pullOnce()
    expect(target.active).toBe('good again')
    // What was settled is reported with the next round.
    await one.pullOnce()
    expect(await reports()).toMatchObject([
      { serial: 3, active: 1 },
      { serial: 2, rolledBack: 1 },
      { serial: 1 },
    ])
  })

  it('changes nothing for a release that its target cannot read', async () => {
    await publish('good')
    const one = puller()
    await one.pullOnce()
    await publish('malformed')
    await one.pullOnce()
    expect(target.active).toBe('good')
    expect(one.status().releases).toMatchObject([{ serial: 2, phase: 'refused' }])
  })

  it('takes nothing that another key signed', async () => {
    await publish('forged')
    const { publicKey } = generateKeyPairSync('ed25519')
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12)
    const one = puller({ key: raw.toString('base64') })
    await one.pullOnce()
    expect(target.seen).toEqual([])
    expect(one.status().lastError).toContain('signature')
  })

  it('does not begin with a release whose term is over', async () => {
    await publish('late')
    let time = { nowMs: LATER + 1, isKnown: true }
    const one = puller({ time: () => time })
    await one.pullOnce()
    expect(target.seen).toEqual([])
    expect(one.status().releases).toMatchObject([{ phase: 'refused' }])
    await one.pullOnce()
    expect(await reports()).toMatchObject([{ refused: 1, active: 0 }])

    // The clock had been ahead.
    time = { ...time, nowMs: Date.now() }
    await one.pullOnce()
    expect(target.active).toBe('late')
    await one.pullOnce()
    expect(await reports()).toMatchObject([{ refused: 0, active: 1 }])
    expect(target.seen).toEqual(['stage late'])
  })

  it('says nothing of a release that is over by a time in doubt, until the time is known', async () => {
    await publish('late')
    let time = { nowMs: LATER + 1, isKnown: false }
    const one = puller({ time: () => time })
    await one.pullOnce()
    expect(one.status()).toMatchObject({
      releases: [],
      lastError: expect.stringContaining('waits until the time is known'),
    })
    time = { ...time, isKnown: true }
    await one.pullOnce()
    expect(one.status()).toMatchObject({ releases: [{ phase: 'refused' }] })
    expect(one.status().lastError).toBeUndefined()
  })

  it('finishes what a power cut interrupted', async () => {
    await publish('good')
    await puller().pullOnce()
    await publish('next')
    // The switch is noted, then the process is gone: nothing after it runs.
    const store = openPullStore(folder)
    const manifest = await interruptedAt('next', store)
    expect(manifest.serial).toBe(2)

    target.failsTestOf = 'next'
    await puller().pullOnce()
    expect(target.active).toBe('good')
    expect(openPullStore(folder).find('pack', 'hospital')).toMatchObject({ phase: 'rolled-back' })
  })

  it('leaves packs for the bandwidth window, but not commands', async () => {
    const one = puller()
    one.setWindow(false)
    await publish('a pack')
    await publish('restart the announcer', { kind: 'command', name: 'c-1' })
    await one.pullOnce()
    expect(target.active).toBe('restart the announcer')
    one.setWindow(true)
    await one.pullOnce()
    expect(target.active).toBe('a pack')
    expect(readdirSync(folder)).not.toContain('command-c-1-1.content')
  })

  it('reaches the share of gateways that was asked for, and keeps those as it grows', () => {
    const release = { kind: 'pack', name: 'hospital', serial: 7 } as const
    const ids = Array.from({ length: 10_000 }, (_, n) => `gw-${n}`)
    const at = (percent: number) => ids.filter((id) => isInRollout(id, { ...release, percent }))
    const [none, some, more] = [at(0), at(10), at(50)]
    expect(none).toEqual([])
    expect(Math.abs(some.length - 1000)).toBeLessThan(100)
    expect(some.every((id) => more.includes(id))).toBe(true)
    expect(at(100)).toEqual(ids)
  })

  it('does not publish what no gateway could take: an end in seconds is one of 1970', async () => {
    const inSeconds = Math.floor((Date.now() + 86_400_000) / 1000)
    await expect(publish('too late', { expiresAtMs: inSeconds })).rejects.toMatchObject({
      code: 'release.expired',
      detail: expect.stringContaining('1970-01-2'),
    })
    expect(await reports()).toEqual([])
  })

  it('halts a rollout by itself when three gateways could not use it, until somebody lifts that', async () => {
    const others = ['gw-2', 'gw-3', 'gw-4'].map((id) =>
      loadIdentity(id, join(rig.folder, `${id}.key`)),
    )
    for (const identity of others) {
      const link = createLink({ url: rig.core.url, identity, clock: systemClock })
      expect(await enrol(link, identity, rig.core.enrolToken)).toMatchObject({ kind: 'enrolled' })
      link.close()
    }
    await publish('bad for all')
    const one = puller()
    for (const [n, identity] of others.entries()) {
      expect(await rig.core.releases.offer(asGateway(n + 2, identity), nothing)).toHaveLength(1)
      const settled = [
        { kind: 'pack', name: 'hospital', serial: 1, outcome: 'rolled-back', reason: 'wrong' },
      ] as const
      await rig.core.releases.offer(asGateway(n + 2, identity), { settled: [...settled] })
    }
    await one.pullOnce()
    expect(target.active).toBe('nothing')
    expect(await reports()).toMatchObject([
      {
        rolledBack: 3,
        haltedReason: '3 gateways could not use it',
        failures: expect.arrayContaining(
          others.map(({ gatewayId }) =>
            expect.objectContaining({
              gateway: gatewayId,
              outcome: 'rolled-back',
              reason: 'wrong',
            }),
          ),
        ),
      },
    ])

    await rig.core.releases.setPercent('pack', 'hospital', 1, 100)
    await one.pullOnce()
    expect(target.active).toBe('bad for all')
  })

  it('brings what is urgent past a command whose job runs long, and tells the core when that is over', async () => {
    let over = () => {}
    const begun: string[] = []
    const job = new Promise<void>((resolve) => {
      over = resolve
    })
    const command = Object.assign(new MemoryTarget(), {
      async activate({ name }: ReleaseManifest) {
        begun.push(name)
        if (name === 'c-1') await job
      },
    })
    const one = puller({ command })
    await publish('back up', { kind: 'command', name: 'c-1' })
    await publish('switch off', { kind: 'command', name: 'c-2' })
    await publish('volume 7', { kind: 'twin', name: 't-1' })
    one.start()
    const phases = () => one.status().releases.map(({ name, phase }) => `${name} ${phase}`)
    await until('the twin is there', () => target.active === 'volume 7')
    expect(phases()).toEqual(expect.arrayContaining(['c-1 activating', 'c-2 active', 't-1 active']))

    // Offered again while it runs, and begun once.
    one.nudge()
    await publish('volume 8', { kind: 'twin', name: 't-2' })
    one.nudge()
    await until('a later round has passed', () => target.active === 'volume 8')
    over()
    await until('the core knows', async () => (await reports()).every(({ active }) => active === 1))
    expect(begun).toEqual(['c-1', 'c-2'])
    await one.close()
  })

  it('brings a command past a pack that cannot be fetched, and one that is still being learnt', async () => {
    await publish('a pack')
    await publish('call the ward', { kind: 'command', name: 'c-1' })
    const isPack = (path: string) => path.includes('/releases/pack/')
    const one = puller({ link: (link) => failing(link, isPack) })
    expect(await one.pullOnce()).toBe(false)
    expect(target.seen).toEqual(['stage call the ward'])

    let learnt = (_verdict: Verdict) => {}
    const learning = new Promise<Verdict>((resolve) => {
      learnt = resolve
    })
    target.test = () => (target.active === 'a pack' ? learning : Promise.resolve(passed))
    const other = puller()
    const started = other.pullOnce()
    await until('the pack is learnt', () => target.active === 'a pack')
    await publish('call again', { kind: 'command', name: 'c-2' })
    other.start()
    await until('the command is done', () => target.active === 'call again')
    expect(openPullStore(folder).find('pack', 'hospital')).toMatchObject({ phase: 'activating' })
    learnt(passed)
    expect(await started).toBe(true)
    await other.close()
    expect(openPullStore(folder).find('pack', 'hospital')).toMatchObject({ phase: 'active' })
  })

  it('is not kept from it by a hundred that the box does not take', async () => {
    for (let no = 0; no < 100; no += 1) {
      await publish('hear', { kind: 'announcement', name: `a-${no}` })
    }
    await publish('a pack')
    await puller().pullOnce()
    expect(target.active).toBe('a pack')
  })

  it('is taken though a core that was put back gives its serial to another one', async () => {
    await publish('first')
    await puller().pullOnce()
    const copy = join(rig.folder, 'copy')
    await rig.restartCore(() => cpSync(join(rig.folder, 'core'), copy, { recursive: true }))
    await publish('second')
    await puller().pullOnce()
    expect(target.active).toBe('second')
    await rig.restartCore(() => cpSync(copy, join(rig.folder, 'core'), { recursive: true }))

    expect(await publish('another second')).toMatchObject({ serial: 2 })
    await puller().pullOnce()
    expect(target.active).toBe('another second')
    await rig.restartCore(() => cpSync(copy, join(rig.folder, 'core'), { recursive: true }))
    await puller().pullOnce()
    expect(await reports()).toMatchObject([{ serial: 1 }])
    expect(await publish('above both')).toMatchObject({ serial: 3 })
    await puller().pullOnce()
    expect(target.active).toBe('above both')
  })

  it('does not pass for in use where a gateway has another one of its serial', async () => {
    await publish('this one')
    const settled = { kind: 'pack', name: 'hospital', serial: 1, outcome: 'active' } as const
    const gateway = asGateway(1, rig.identity)
    const other = { ...settled, sha256: '0'.repeat(64) }
    expect(await rig.core.releases.offer(gateway, { settled: [other] })).toHaveLength(1)
    expect(await reports()).toMatchObject([{ active: 0 }])
    // A gateway of an earlier version says no digest.
    expect(await rig.core.releases.offer(gateway, { settled: [settled] })).toEqual([])
    expect(await reports()).toMatchObject([{ active: 1 }])
    const lie = { ...settled, serial: Number.MAX_SAFE_INTEGER }
    await rig.core.releases.offer(gateway, { settled: [lie] })
    expect(await publish('next')).toMatchObject({ serial: 2 })
  })

  it('leaves nothing behind for ever: no content of a twin, no record of a command that is over', async () => {
    await publish('quiet ward', { kind: 'twin', name: 'ward-3' })
    await publish('reload', { kind: 'command', name: 'c-1' })
    writeFileSync(join(folder, 'twin-ward-3-7.content'), 'of an earlier version')
    let time = { nowMs: Date.now(), isKnown: true }
    const one = puller({ time: () => time })
    await publish('a pack')
    await one.pullOnce()
    expect(readdirSync(folder).sort()).toEqual(['pack-hospital-1.content', 'releases.json'])

    const known = () =>
      openPullStore(folder)
        .records()
        .map(({ name }) => name)
        .sort()
    time = { nowMs: LATER + 8 * 86_400_000, isKnown: false }
    await one.pullOnce()
    expect(known()).toEqual(['c-1', 'hospital', 'ward-3'])
    time = { ...time, isKnown: true }
    await one.pullOnce()
    // Offered anew by this core, whose clock stands: over, so it is not begun with.
    expect(target.seen.filter((step) => step === 'stage reload')).toHaveLength(1)
    await rig.core.releases.halt('command', 'c-1', 1, 'over')
    await rig.core.releases.halt('twin', 'ward-3', 1, 'over')
    await one.pullOnce()
    expect(known()).toEqual(['hospital'])
  })

  it('does not come after a later one that is over and forgotten', async () => {
    const gateway = asGateway(1, rig.identity)
    const later = { kind: 'command', name: 'c-1', serial: 2, outcome: 'active' } as const
    await publish('enable', { kind: 'command', name: 'c-1' })
    const soon = Date.now() + 100
    await publish('disable', { kind: 'command', name: 'c-1', expiresAtMs: soon })
    expect(await rig.core.releases.offer(gateway, { settled: [later] })).toEqual([])
    await until('it is over', () => Date.now() > soon)
    expect(await rig.core.releases.offer(gateway, nothing)).toEqual([])
    expect(await rig.core.releases.offer({ ...gateway, no: 2 }, nothing)).toHaveLength(1)
  })

  it('reaches the one site that it concerns, however many others it does not', async () => {
    await publish('disable kiosk-9', { kind: 'command', name: 'c-9' })
    for (let no = 2; no < 7; no += 1) await settleAs(no, 'c-9', 'device.unknown')
    expect(rig.core.releases.reports(1)).toMatchObject([
      { haltedReason: null, refused: 0, notHere: 5, failures: [] },
    ])
    await puller().pullOnce()
    expect(target.active).toBe('disable kiosk-9')
  })

  it('tells the core when nothing here is concerned', async () => {
    await publish('disable kiosk-9', { kind: 'command', name: 'c-9' })
    const elsewhere = Object.assign(new Error('No device with this id'), { code: 'device.unknown' })
    target.activate = () => Promise.reject(elsewhere)
    const one = puller()
    await one.pullOnce()
    await one.pullOnce()
    expect(rig.core.releases.reports(1)).toMatchObject([{ notHere: 1, refused: 0, active: 0 }])
  })

  it('leaves a box that comes late with what was published last, as those that were there', async () => {
    for (const [name, content] of [
      ['site', 'first'],
      ['ward', 'second'],
      ['site', 'third'],
    ] as const) {
      await publish(content, { kind: 'config', name })
    }
    await puller().pullOnce()
    expect(target.seen).toEqual(['stage second', 'stage third'])
    expect(target.active).toBe('third')
  })

  it('waits while something on the way answers with a page of its own, and is taken after it', async () => {
    const page = Buffer.from('<html>maintenance</html>')
    let isAway = true
    const link = (real: Link): Link => ({
      ...real,
      request: (request) =>
        isAway && request.method === 'GET'
          ? Promise.resolve({ kind: 'answer', status: 200, body: page })
          : real.request(request),
    })
    const one = puller({ link })
    await publish('this one')
    for (let round = 0; round < 9; round += 1) await one.pullOnce()
    expect(await reports()).toMatchObject([{ active: 0, refused: 0 }])
    expect(one.status().lastError).toContain('proxy')
    isAway = false
    await one.pullOnce()
    expect(target.active).toBe('this one')
  })

  it('is refused once its content came wrong five times, and not before', async () => {
    await publish('this one')
    const packed = { form: 'full', gzip: gzipSync('another') }
    const link = (real: Link): Link => ({
      ...real,
      request: (request) =>
        request.method === 'GET'
          ? Promise.resolve({ kind: 'answer', status: 200, body: packr.pack(packed) })
          : real.request(request),
    })
    const one = puller({ link })
    for (let round = 0; round < 4; round += 1) await one.pullOnce()
    expect(one.status()).toMatchObject({ releases: [], lastError: expect.any(String) })
    await one.pullOnce()
    expect(one.status().releases).toMatchObject([{ phase: 'refused' }])
  })

  it('offers a gateway outside the rollout the release before', async () => {
    await publish('for all')
    await publish('for few', { percent: 0 })
    await puller().pullOnce()
    expect(target.active).toBe('for all')
  })
})

const nothing = { settled: [] }

/** Another gateway enrols and refuses a command with this code. */
async function settleAs(no: number, name: string, code: string): Promise<void> {
  const identity = loadIdentity(`gw-${no}`, join(rig.folder, `gw-${no}.key`))
  const link = createLink({ url: rig.core.url, identity, clock: systemClock })
  await enrol(link, identity, rig.core.enrolToken)
  link.close()
  await rig.core.releases.offer(asGateway(no, identity), {
    settled: [{ kind: 'command', name, serial: 1, outcome: 'refused', reason: 'none here', code }],
  })
}

function asGateway(no: number, { gatewayId, privateKey }: Identity) {
  return { no, id: gatewayId, publicKey: privateKey, ledgerKey: undefined }
}

/** Leaves the store as it is between the note of the switch and the switch. */
async function interruptedAt(content: string, store: ReturnType<typeof openPullStore>) {
  const signed = await rig.core.releases.offer(
    { no: 0, id: rig.source.gatewayId, publicKey: rig.identity.privateKey, ledgerKey: undefined },
    { settled: [] },
  )
  const manifest = JSON.parse(
    Buffer.from(signed[0]?.manifest ?? '', 'base64').toString(),
  ) as ReleaseManifest
  const { kind, name, serial, expiresAtMs } = manifest
  store.keepContent(kind, name, serial, Buffer.from(content))
  store.save({ kind, name, serial, expiresAtMs, phase: 'activating', contentSerial: 1, manifest })
  return manifest
}
