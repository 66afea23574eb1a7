/**
 * What one ledger entry costs: a turn of about 1.1 kB appended in the transaction of its group, with FULL.
 *
 *   node --conditions=kefu-source --import tsx test/bench/ledger.ts   (KEFU_BENCH_ENTRIES=30000)
 *
 * CPU is user + system of the whole process, commit and fsync included; `appendMicros` is the wall time
 * inside `append` alone.
 */
import { generateKeyPairSync, randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId } from '../../device-sdk/protocol/ids.ts'
import { databaseEvidence } from '../../gateway/ledger/evidence.ts'
import { createKeyRing } from '../../gateway/ledger/key-ring.ts'
import { createLedger } from '../../gateway/ledger/ledger.ts'
import { decodeVerifierKey } from '../../gateway/ledger/tlog/note.ts'
import { verifyLedger } from '../../gateway/ledger/verify.ts'
import { openStore, type Store } from '../../gateway/storage/store.ts'

const WARM_UP = 3000
const ENTRIES = Number(process.env.KEFU_BENCH_ENTRIES ?? 30_000)
/** Turns that share one fsync: what 100 busy devices make of one loop turn. */
const GROUPS = [1, 8, 32]

const random = (bytes: Uint8Array): void => {
  randomFillSync(bytes)
}

const keys = createKeyRing({
  masterKey: new Uint8Array(32).fill(1),
  signingKey: generateKeyPairSync('ed25519').privateKey,
  random,
})
const openLedger = (store: Store) =>
  createLedger({ store, clock: Date, keys, random, gatewayId: 'bench' })

async function measure(group: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kefu-bench-'))
  const path = join(dir, 'bench.db')
  const store = openStore({ path, synchronous: 'FULL' })
  const ledger = openLedger(store)
  let asked = 0
  let appendMs = 0
  const appendGroup = () => {
    const waits: Promise<unknown>[] = []
    for (let i = 0; i < group; i++) {
      const draft = turnDraft(asked++)
      const work = () => {
        const began = performance.now()
        ledger.append(draft)
        appendMs += performance.now() - began
      }
      waits.push(store.commit(work))
    }
    return Promise.all(waits)
  }
  while (asked < WARM_UP) await appendGroup()
  const began = asked
  appendMs = 0
  const cpu = process.cpuUsage()
  const wall = performance.now()
  while (asked - began < ENTRIES) await appendGroup()
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - wall) / 1000
  const done = asked - began
  say({
    scenario: 'ledger.append',
    group,
    entries: done,
    entryBytes: ledger.readLane('session', 0, 1, 1)[0]?.bytes.length ?? 0,
    cpuMicrosPerEntry: (used.user + used.system) / done,
    appendMicros: (appendMs * 1000) / done,
    entriesPerSecond: done / seconds,
  })
  await ledger.checkpoint()
  await store.close()
  if (group === GROUPS.at(-1)) await measureReading(path)
  rmSync(dir, { recursive: true })
}

/** What an operator waits for: opening the ledger, and proving it. */
async function measureReading(path: string): Promise<void> {
  const store = openStore({ path })
  const before = performance.now()
  const ledger = openLedger(store)
  const openMs = performance.now() - before
  const logKey = decodeVerifierKey(ledger.verifierKey)
  const cpu = process.cpuUsage()
  const wall = performance.now()
  const report = verifyLedger(databaseEvidence(store), { logKey, cosigners: [] })
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - wall) / 1000
  if (!report.isWhole) throw new Error(JSON.stringify(report.findings))
  say({
    scenario: 'ledger.verify',
    entries: report.entries,
    openMs,
    cpuMicrosPerEntry: (used.user + used.system) / report.entries,
    entriesPerSecond: report.entries / seconds,
  })
  await store.close()
}

function say(line: Record<string, string | number>): void {
  const rounded = Object.entries(line).map(([name, value]) => [
    name,
    typeof value === 'number' ? Math.round(value * 10) / 10 : value,
  ])
  console.log(JSON.stringify(Object.fromEntries(rounded)))
}

function turnDraft(n: number) {
  // Ids as the device SDK makes them, a thousand a second.
  const askId = newId(1_795_320_000_000 + n, random)
  const text = '内科门诊周一到周五上午八点开始，下午两点半开始，请到二楼东侧分诊台取号'
  return {
    lane: 'session',
    kind: 'turn',
    atMs: 1_795_320_000_000 + n,
    deviceId: `kiosk-${n % 100}`,
    subject: { id: `P-${n % 500}`, kind: 'patient' },
    askKey: { deviceId: `kiosk-${n % 100}`, askId },
    body: {
      channel: 'mqtt',
      session: 's-01j9zq6w8k3v5x7y',
      turn: 3,
      status: 'answered',
      understood: 'intent',
      lang: 'zh',
      intent: 'outpatient-hours',
      confidence: 0.93,
      source: 'local',
      pack: 'hospital',
      version: '1.0.0',
      latencyMs: 0.4,
    },
    personal: {
      heard: ['请问内科门诊几点开始看病', '请问那颗门诊几点开始看病'],
      answer: {
        id: `answer-${n}`,
        inReplyTo: askId,
        session: 's-01j9zq6w8k3v5x7y',
        turn: 3,
        status: 'answered',
        intent: { name: 'outpatient-hours', confidence: 0.93, source: 'local' },
        text,
        suggestions: ['内科在哪里', '怎么挂号', '能用医保吗'],
        speech: { id: `speech-${n}`, text, ssml: `<speak>${text}</speak>`, lang: 'zh-CN' },
        pack: { name: 'hospital', version: '1.0.0', entry: 'outpatient-hours' },
        latencyMs: 0.4,
      },
    },
  } as const
}

for (const group of GROUPS) await measure(group)
