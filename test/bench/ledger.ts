/**
 * What one ledger entry costs: a turn of about 1.5 kB appended in the transaction of its group, with FULL.
 *
 *   node --conditions=kefu-source --import … test/bench/ledger.ts   (npm run bench runs it)
 *
 * CPU is user + system of the whole process, SQLite's write included.
 */
import { generateKeyPairSync, randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyRing } from '../../gateway/ledger/key-ring.ts'
import { createLedger } from '../../gateway/ledger/ledger.ts'
import { openStore } from '../../gateway/storage/store.ts'

const WARM_UP = 3000
const ENTRIES = Number(process.env.KEFU_BENCH_ENTRIES ?? 30_000)
/** Turns that share one fsync: what 100 busy devices make of one loop turn. */
const GROUPS = [1, 8, 32]

const random = (bytes: Uint8Array): void => {
  randomFillSync(bytes)
}

async function measure(group: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kefu-bench-'))
  const store = openStore({ path: join(dir, 'bench.db'), synchronous: 'FULL' })
  const keys = createKeyRing({
    masterKey: new Uint8Array(32).fill(1),
    signingKey: generateKeyPairSync('ed25519').privateKey,
    random,
  })
  const ledger = createLedger({ store, clock: Date, keys, random, gatewayId: 'bench' })
  let asked = 0
  const appendGroup = () => {
    const waits: Promise<unknown>[] = []
    for (let i = 0; i < group; i++) {
      const n = asked++
      waits.push(store.commit(() => ledger.append(turnDraft(n))))
    }
    return Promise.all(waits)
  }
  while (asked < WARM_UP) await appendGroup()
  const began = asked
  const cpu = process.cpuUsage()
  const wall = performance.now()
  while (asked - began < ENTRIES) await appendGroup()
  const used = process.cpuUsage(cpu)
  const done = asked - began
  const line = {
    scenario: 'ledger.append',
    group,
    entries: done,
    entryBytes: ledger.readLane('session', 0, 1, 1)[0]?.bytes.length,
    cpuMicrosPerEntry: round((used.user + used.system) / done),
    entriesPerSecond: Math.round((done * 1000) / (performance.now() - wall)),
  }
  console.log(JSON.stringify(line))
  await store.close()
  rmSync(dir, { recursive: true })
}

function turnDraft(n: number) {
  const text = '内科门诊周一到周五上午八点开始，下午两点半开始，请到二楼东侧分诊台取号'
  return {
    lane: 'session',
    kind: 'turn',
    atMs: 1_795_320_000_000 + n,
    deviceId: `kiosk-${n % 100}`,
    subject: { id: `P-${n % 500}`, kind: 'patient' },
    askKey: { deviceId: `kiosk-${n % 100}`, askId: `ask-${n}` },
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
        inReplyTo: `ask-${n}`,
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

const round = (n: number): number => Math.round(n * 10) / 10

for (const group of GROUPS) await measure(group)
