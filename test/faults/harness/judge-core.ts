/** What the core has, held against the record: byte for byte, in order, with effect once. */
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import { decodeLeaf, type Leaf } from '../../../gateway/ledger/entry-codec.ts'
import { LANES } from '../../../gateway/ledger/port.ts'
import { keysOf, type Recorded } from './record.ts'
import type { Site } from './site.ts'

interface CoreEntry {
  readonly epoch: string
  readonly sequence: number
  readonly bytes: string
}

interface SessionSummary {
  readonly id: string
  readonly turns: number
}

export interface CoreFindings {
  readonly wrong: number
  readonly doubled: number
}

/** `isSubset`: the box was restored from a backup, so that the core may have an end that the box lost. */
export async function compareWithCore(
  site: Site,
  record: readonly Recorded[],
  details: string[],
  isSubset: boolean,
): Promise<CoreFindings> {
  const ask = openCore(site)
  try {
    let wrong = 0
    let doubled = 0
    const say = (what: string, count: number): number => {
      if (count > 0) details.push(what)
      return count
    }
    for (const lane of LANES) {
      const here = record.filter(({ leaf }) => leaf.lane === lane).map(({ bytes }) => base64(bytes))
      const there = (await entriesOf(ask, lane)).map(({ bytes }) => bytes)
      const twice = there.length - new Set(there).size
      doubled += say(`doubled: ${twice} entries of lane ${lane} at the core`, twice)
      const isSame = isSubset ? isWithin(here, there) : isEqual(here, there)
      const lengths = `${there.length} entries there, ${here.length} here`
      wrong += say(`core: lane ${lane} has ${lengths}`, isSame ? 0 : 1)
      if (isSubset) continue
      const messages = timesTooMany(keysOf(leavesOf(there)))
      doubled += say(`doubled: ${messages} messages of lane ${lane} at the core`, messages)
    }
    if (!isSubset) {
      const more = await turnsTooMany(ask, record)
      doubled += say(`doubled: ${more} turns of sessions at the core`, more)
    }
    return { wrong, doubled }
  } finally {
    ask.close()
  }
}

/** Over all keys, how often more than once. */
export const timesTooMany = (times: ReadonlyMap<string, number>): number =>
  [...times.values()].reduce((sum, one) => sum + one - 1, 0)

/** The core counts a session's turns up as they arrive: an entry that took effect twice shows there. */
async function turnsTooMany(ask: Core, record: readonly Recorded[]): Promise<number> {
  const { sessions } = await ask.get<{ sessions: SessionSummary[] }>('sessions')
  const turns = new Map<unknown, number>()
  for (const { leaf } of record) {
    if (leaf.kind !== 'turn') continue
    turns.set(leaf.body.session, (turns.get(leaf.body.session) ?? 0) + 1)
  }
  return sessions.reduce((sum, one) => sum + Math.max(0, one.turns - (turns.get(one.id) ?? 0)), 0)
}

const leavesOf = (entries: readonly string[]): Leaf[] =>
  entries.flatMap((bytes) => decodeLeaf(Buffer.from(bytes, 'base64')) ?? [])

const isEqual = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && isWithin(some, others)

/** All of these, in this order, with or without others between them. */
function isWithin(some: readonly string[], all: readonly string[]): boolean {
  let at = 0
  for (const one of all) if (one === some[at]) at += 1
  return at === some.length
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

interface Core {
  /** A page about this gateway. */
  get<T>(path: string): Promise<T>
  close(): void
}

/** As its operator asks. */
function openCore(site: Site): Core {
  const gatewayId = readFileSync(join(site.gatewayDir, 'gateway.id'), 'utf8').trim()
  const ca = readFileSync(join(site.coreDir, 'tls/ca.pem'), 'utf8')
  const token = readFileSync(join(site.coreDir, 'operator.token'), 'utf8').trim()
  const agent = new Agent({ keepAlive: true, ca })
  const base = `https://127.0.0.1:${site.corePort()}/v1/gateways/${gatewayId}`
  return {
    get: (path) => readJson(`${base}/${path}`, token, agent),
    close: () => agent.destroy(),
  }
}

async function entriesOf(core: Core, lane: string): Promise<CoreEntry[]> {
  const found: CoreEntry[] = []
  for (;;) {
    const last = found.at(-1)
    const after = last ? `&after=${last.sequence}&epoch=${last.epoch}` : ''
    const { entries } = await core.get<{ entries: CoreEntry[] }>(`entries?lane=${lane}${after}`)
    found.push(...entries)
    if (entries.length === 0) return found
  }
}

function readJson<T>(url: string, token: string, agent: Agent): Promise<T> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as T)
        else reject(new Error(`${url}: ${response.statusCode} ${text}`))
      })
    }).on('error', reject)
  })
}
