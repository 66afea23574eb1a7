/** A core, an enrolled gateway and its pusher on loopback, in a folder that goes away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Carrier } from '@kefu-edge/cloud-sync/carrier'
import { type CloudCore, startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { type Identity, loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { type Link, silentLogger, systemClock } from '@kefu-edge/cloud-sync/ports'
import {
  createLedgerPusher,
  type LedgerPusher,
  type PusherLimits,
} from '@kefu-edge/cloud-sync/push-ledger'
import { LANES, openSource, type TestSource } from './sqlite-source.ts'

export interface Rig {
  readonly folder: string
  readonly core: CloudCore
  readonly identity: Identity
  readonly source: TestSource
  /** Where the gateway dials; a proxy may stand before the core. */
  linkTo(url: string): Link
  pusher(link: Link, limits?: PusherLimits, backlogCarrier?: Carrier): LedgerPusher
  /** Sequences that the core has of a lane, over all epochs. */
  stored(lane: string): Promise<number[]>
  /** On the same port; `whileDown` may change its data folder. */
  restartCore(whileDown?: () => void): Promise<CloudCore>
  /** An operator takes the gateway's key away. */
  release(): Promise<void>
  /** The core starts anew and does not know the gateway's key, as one that was put back from an old copy. */
  forget(): Promise<void>
  close(): Promise<void>
}

/** Short waits: a test's link is loopback. */
export const QUICK: PusherLimits = {
  pollMs: 20,
  lingerMs: 5,
  echoEveryMs: 200,
  stallTimeoutMs: 1000,
  backoff: { baseMs: 10, capMs: 100 },
}

export async function openRig(options: { isInsecureHttp?: boolean } = {}): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'kefu-cloud-'))
  const start = (port: number) =>
    startCloudCore({ dataDir: join(folder, 'core'), port, ...options })
  let core = await start(0)
  const source = openSource(join(folder, 'gateway.db'))
  const identity = loadIdentity(source.gatewayId, join(folder, 'gateway.key'))
  const opened: { close(): unknown }[] = []

  function linkTo(url: string): Link {
    const link = createLink({
      url,
      identity,
      clock: systemClock,
      ...(core.caPem ? { caPem: core.caPem } : {}),
    })
    opened.push(link)
    return link
  }

  async function restartCore(whileDown?: () => void): Promise<CloudCore> {
    const { port } = core
    await core.close()
    whileDown?.()
    core = await start(port)
    return core
  }

  const enrolled = await enrol(linkTo(core.url), identity, core.enrolToken)
  if (enrolled.kind !== 'enrolled') throw new Error(`not enrolled: ${enrolled.detail}`)

  return {
    folder,
    get core() {
      return core
    },
    identity,
    source,
    linkTo,
    pusher(link, limits = QUICK, backlogCarrier) {
      const pusher = createLedgerPusher({
        source,
        lanes: LANES,
        promptLanes: ['audit'],
        link,
        clock: systemClock,
        random: Math.random,
        logger: silentLogger,
        limits,
        ...(backlogCarrier ? { backlogCarrier } : {}),
      })
      opened.push(pusher)
      return pusher
    },
    async stored(lane) {
      const sequences: number[] = []
      for (;;) {
        const after = sequences[sequences.length - 1] ?? 0
        const path = `/v1/gateways/${source.gatewayId}/entries?lane=${lane}&after=${after}`
        const page = (await readAsOperator(core, path)) as { entries: { sequence: number }[] }
        if (page.entries.length === 0) return sequences
        sequences.push(...page.entries.map((entry) => entry.sequence))
      }
    },
    restartCore,
    async release() {
      await core.releaseGateway(source.gatewayId)
    },
    async forget() {
      await restartCore(() => {
        const store = openCoreStore(join(folder, 'core'))
        store.prepare('UPDATE gateway SET public_key = NULL').run()
        store.close()
      })
    },
    async close() {
      for (const part of opened.reverse()) await part.close()
      await core.close()
      source.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** One read with the operator's token; throws on anything but 200. */
export async function readAsOperator(core: CloudCore, path: string): Promise<unknown> {
  const { default: https } = await import('node:https')
  const { default: http } = await import('node:http')
  const get = core.url.startsWith('https:') ? https.get : http.get
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${core.operatorToken}` }
    get(`${core.url}${path}`, { headers, ca: core.caPem }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${response.statusCode}: ${text}`))
        else resolve(JSON.parse(text))
      })
    }).on('error', reject)
  })
}

/** Looks until it is true; fails after ten seconds, saying what was awaited. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n)
}
