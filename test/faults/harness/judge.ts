/**
 * After a round: was a promise broken? Looks at the record, at the core and at the answers of the box
 * itself, as a device, an operator and an auditor would.
 */
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { decodeLeaf, type Leaf } from '../../../gateway/ledger/entry-codec.ts'
import { databaseEvidence, readConsistently } from '../../../gateway/ledger/evidence.ts'
import { balanceFromDatabase, unbalanced } from '../../../gateway/ledger/lanes.ts'
import { LANES } from '../../../gateway/ledger/port.ts'
import { openStore, type Store } from '../../../gateway/storage/store.ts'
import { type Acknowledged, askOverHttp } from './devices.ts'
import { ROOT, startProgram, until } from './program.ts'
import { type Balance, readBalance, type Site } from './site.ts'

/** What was found; every number but the first is 0 where the promises hold. */
export interface Findings {
  readonly acknowledged: number
  /** Acknowledged and not in the record, or not answered any more. */
  readonly lost: number
  /** Answered otherwise when asked again. */
  readonly changed: number
  /** In the record of the box, or at the core, more than once. */
  readonly doubled: number
  /** In the record and not at the core, other bytes there, or out of order. */
  readonly coreWrong: number
  readonly notWhole: number
  /** In words, for whoever reads the log. */
  readonly details: readonly string[]
}

/** Nothing is broken any more: whoever asks long enough hears an answer, however starved the machine. */
const ANSWER_TIMEOUT_MS = 30_000
/** Seconds on a machine at rest. */
const VERIFY_TIMEOUT_MS = 180_000

interface Recorded {
  readonly leaf: Leaf
  readonly bytes: Uint8Array
}

/** With both running and nothing waiting. */
export async function judge(site: Site, promised: ReadonlyMap<string, Acknowledged>) {
  const details: string[] = []
  const before = keysOf(readRecord(site))
  let lost = 0
  for (const [key, { kind }] of promised) {
    if (before.has(`${kind} ${key}`)) continue
    lost += 1
    details.push(`lost: ${kind} ${key} is not in the record`)
  }
  const again = await askAllAgain(site, promised, details)
  const record = readRecord(site)
  const after = keysOf(record)
  let doubled = 0
  for (const [key, times] of after) {
    if (times < 2) continue
    doubled += times - 1
    details.push(`doubled: ${key} is in the record ${times} times`)
  }
  const atCore = await compareWithCore(site, record, details)
  const isWhole = await verify(site, details)
  return {
    acknowledged: promised.size,
    lost: lost + again.lost,
    changed: again.changed,
    doubled: doubled + atCore.doubled,
    coreWrong: atCore.wrong,
    notWhole: isWhole ? 0 : 1,
    details,
  } satisfies Findings
}

/** Every lane, in the order of the record. */
function readRecord(site: Site): readonly Recorded[] {
  return withRecord(site, (store) => {
    const found: Recorded[] = []
    for (const segment of databaseEvidence(store).segments()) {
      for (const entry of segment.entries) {
        const leaf = entry && decodeLeaf(entry.bytes)
        if (leaf) found.push({ leaf, bytes: entry.bytes })
      }
    }
    return found
  })
}

function withRecord<T>(site: Site, read: (store: Store) => T): T {
  const store = openStore({ path: join(site.gatewayDir, 'kefu.db'), readonly: true })
  try {
    return readConsistently(store, () => read(store))
  } finally {
    void store.close()
  }
}

/** How often each device's message stands in the record, by the key that devices are held to. */
function keysOf(record: readonly Recorded[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const { leaf } of record) {
    const id = leaf.kind === 'turn' ? leaf.ask : leaf.body.id
    const kind = leaf.kind === 'turn' ? 'ask' : leaf.kind.split('.')[0]
    if (typeof id !== 'string' || (kind !== 'ask' && kind !== 'event')) continue
    const key = `${kind} ${leaf.dev} ${id}`
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  return times
}

/** Same device, same id: the same answer, whatever happened in between. */
async function askAllAgain(
  site: Site,
  promised: ReadonlyMap<string, Acknowledged>,
  details: string[],
): Promise<{ lost: number; changed: number }> {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 4 })
  let lost = 0
  let changed = 0
  const asks = [...promised].filter(([, one]) => one.kind === 'ask')
  await Promise.all(
    asks.map(async ([key, { device, body, answer }]) => {
      const outcome = await until(ANSWER_TIMEOUT_MS, async () => {
        const heard = await askOverHttp(site.ports(), device, body, agent)
        return heard.kind === 'unanswered' ? undefined : heard
      })
      if (outcome?.kind !== 'kept') {
        lost += 1
        details.push(`lost: ask ${key} is not answered again: ${JSON.stringify(outcome)}`)
      } else if (answer !== undefined && !isDeepStrictEqual(outcome.answer, answer)) {
        changed += 1
        details.push(`changed: ask ${key} is answered otherwise`)
      }
    }),
  )
  agent.destroy()
  return { lost, changed }
}

interface CoreEntry {
  readonly epoch: string
  readonly sequence: number
  readonly bytes: string
}

/** Lane by lane: the core has what the record has, byte for byte, once, in order. */
async function compareWithCore(site: Site, record: readonly Recorded[], details: string[]) {
  const gatewayId = readFileSync(join(site.gatewayDir, 'gateway.id'), 'utf8').trim()
  let wrong = 0
  let doubled = 0
  for (const lane of LANES) {
    const here = record.filter(({ leaf }) => leaf.lane === lane)
    const there = await entriesAtCore(site, gatewayId, lane)
    const keys = there.map(({ epoch, sequence }) => `${epoch} ${sequence}`)
    const repeated = keys.length - new Set(keys).size
    doubled += repeated
    if (repeated > 0) details.push(`doubled: ${repeated} entries of lane ${lane} at the core`)
    const isSame =
      here.length === there.length &&
      here.every(({ bytes }, n) => Buffer.from(bytes).toString('base64') === there[n]?.bytes)
    if (isSame) continue
    wrong += 1
    details.push(`core: lane ${lane} has ${there.length} entries there, ${here.length} here`)
  }
  return { wrong, doubled }
}

async function entriesAtCore(site: Site, gatewayId: string, lane: string): Promise<CoreEntry[]> {
  const ca = readFileSync(join(site.coreDir, 'tls/ca.pem'), 'utf8')
  const token = readFileSync(join(site.coreDir, 'operator.token'), 'utf8').trim()
  const agent = new Agent({ keepAlive: true, ca })
  const found: CoreEntry[] = []
  try {
    for (;;) {
      const last = found.at(-1)
      const after = last ? `&after=${last.sequence}&epoch=${last.epoch}` : ''
      const url = `https://127.0.0.1:${site.corePort()}/v1/gateways/${gatewayId}/entries?lane=${lane}${after}`
      const page = await readJson<{ entries: CoreEntry[] }>(url, token, agent)
      found.push(...page.entries)
      if (page.entries.length === 0) return found
    }
  } finally {
    agent.destroy()
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

/** `kefu-edge ledger verify`, as an auditor runs it, beside the running gateway. */
async function verify(site: Site, details: string[]): Promise<boolean> {
  const program = join(ROOT, 'gateway/cli/kefu-edge.mjs')
  const args = [program, 'ledger', 'verify', '--json', '--data', site.gatewayDir]
  const run = await startProgram(args, {}, () => true)
  await until(VERIFY_TIMEOUT_MS, () => run.isGone() || undefined)
  const code = await run.stop()
  if (code === 0) return true
  details.push(`not whole: ledger verify exits ${code}: ${run.lastWords().slice(0, 1000)}`)
  return false
}

/** Looks at the books every so often while things break: on the metrics page and in the database. */
export function startSampling(site: Site, everyMs: number) {
  const details: string[] = []
  let samples = 0
  let wrong = 0
  let isRunning = true
  const running = sample()

  async function sample(): Promise<void> {
    while (isRunning) {
      const page = await readBalance(site)
      if (page) count(lanesOutOfBalance(page), 'metrics')
      try {
        count(
          withRecord(site, (store) => unbalanced(balanceFromDatabase(store)).length),
          'database',
        )
      } catch {
        // A file in the middle of its recovery cannot be read; the next look can.
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }

  function count(lanes: number, where: string): void {
    samples += 1
    if (lanes === 0) return
    wrong += 1
    details.push(`unbalanced: ${lanes} lanes, ${where}`)
  }

  return {
    async stop() {
      isRunning = false
      await running
      return { samples, unbalanced: wrong, details }
    },
  }
}

function lanesOutOfBalance(balance: Balance): number {
  const isOff = (lane: Balance[string]) => {
    const { accepted, delivered = 0, pending = 0, expired = 0, quarantined = 0 } = lane
    return accepted !== delivered + pending + expired + quarantined
  }
  return Object.values(balance).filter(isOff).length
}
