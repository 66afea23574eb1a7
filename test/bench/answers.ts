/**
 * npm run bench: ask → answer over MQTT, beside what a user would put together today (peer-naive.mjs:
 * aedes, nlp.js, better-sqlite3 with FULL; no sessions, no audit, no limits). Peers in turn within each
 * round; prints a table and one JSON line a scenario.
 *
 *   ROUNDS=3 SECONDS=4 npm run bench
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import { parse } from 'yaml'
import type { PackIntent, TestsFile } from '../../gateway/knowledge/pack-schema.ts'
import { freePort } from '../support/free-port.ts'
import { loadHttp, loadWebSocket, type WebLoad } from './load-web.ts'
import {
  buildLoadGenerator,
  installPeer,
  machine,
  median,
  ROOT,
  residentMb,
  scratchFolder,
  start,
  startGateway,
  table,
  waitForPort,
} from './support.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 3)
const SECONDS = Number(process.env.SECONDS ?? 4)
const DEVICES = 100
/** More asks than any run sends, so that no ask id comes twice and each turn is really answered. */
const DISTINCT_ASKS = 100_000
/** How their ids lie in time: about as fast as they are asked. */
const ASKS_PER_MS = 5
let runs = 0

const OPEN = 'mqtt: { allowAnonymous: true, messagesPerSecond: 0, connectsPerSecond: 0 }\n'

interface Result {
  readonly scenario: string
  readonly peer: string
  readonly answersPerSecond: number
  readonly cpuUsPerAnswer: number
  readonly p50Us: number
  readonly p99Us: number
  readonly rssMb: number
}

function hospitalQuestions(): { intent: string; text: string }[] {
  const dir = join(ROOT, 'gateway/packs/hospital/intents')
  return readdirSync(dir).flatMap((file) => {
    const { intents } = parse(readFileSync(join(dir, file), 'utf8')) as { intents: PackIntent[] }
    return intents.flatMap((one) =>
      (one.questions.zh ?? []).map((text) => ({ intent: one.intent, text })),
    )
  })
}

/** What people really say is not in the pack word for word: half of the asks are its test questions. */
function hospitalTests(): string[] {
  const dir = join(ROOT, 'gateway/packs/hospital/tests')
  return readdirSync(dir).flatMap((file) => {
    const { tests } = parse(readFileSync(join(dir, file), 'utf8')) as TestsFile
    return tests.map((one) => one.text)
  })
}

const questions = hospitalQuestions()
const unseen = hospitalTests()
const texts = questions.flatMap(({ text }, i) => [text, unseen[i % unseen.length] ?? text])
const scratch = scratchFolder()

/** A file of asks with ids as the SDK makes them, that nobody has used: one that comes again is only looked up. */
function asksFile(run: string): string {
  const file = join(scratch, `${run}.jsonl`)
  const startMs = Date.now()
  const lines = Array.from({ length: DISTINCT_ASKS }, (_, i) =>
    JSON.stringify({
      id: newId(startMs + Math.floor(i / ASKS_PER_MS)),
      text: texts[i % texts.length],
    }),
  )
  writeFileSync(file, lines.join('\n'))
  return file
}

const training = join(scratch, 'train.tsv')
writeFileSync(
  training,
  ['id\tlabel\ttext', ...questions.map((one, i) => `${i}\t${one.intent}\t${one.text}`)].join('\n'),
)

const mqttload = buildLoadGenerator()

function load(
  peer: string,
  scenario: string,
  port: number,
  pid: number,
  topics: readonly [string, string],
  rate?: number,
  seconds = SECONDS,
): Result {
  const asks = asksFile(`r${++runs}`)
  const args = [
    'rtt',
    '--port',
    String(port),
    '--clients',
    String(DEVICES),
    '--qos',
    '1',
    '--clientid-prefix',
    'b',
    '--req',
    topics[0],
    '--res',
    topics[1],
    '--payload-file',
    asks,
    '--duration',
    String(seconds),
    '--pid',
    String(pid),
    ...(rate === undefined ? [] : ['--rate', String(rate)]),
  ]
  const line = execFileSync(mqttload, args, { encoding: 'utf8' })
  const got = JSON.parse(line) as Record<string, number>
  return {
    scenario,
    peer,
    answersPerSecond: got.qps ?? 0,
    cpuUsPerAnswer: got.broker_cpu_us_per_msg ?? 0,
    p50Us: got.p50_us ?? 0,
    p99Us: got.p99_us ?? 0,
    rssMb: residentMb(pid),
  }
}

/** From a busy site's load to as much as the box takes: what is resident is read after each. */
const SCENARIOS: readonly (readonly [string, number | undefined])[] = [
  ['500/s', 500],
  ['3000/s', 3000],
  ['closed loop', undefined],
]

/** A box on site has been up for a while: code is compiled and common questions were asked before. */
const WARM_UP = { rate: 500, seconds: 8 } as const

async function runOurs(): Promise<Result[]> {
  const gateway = await startGateway({ config: OPEN, dataDir: preparedFolder() })
  try {
    const topics = ['kefu/v1/b-q%d/ask', 'kefu/v1/b-q%d/answer'] as const
    const { mqtt } = gateway.ports
    load('kefu-edge', 'warm-up', mqtt, gateway.pid, topics, WARM_UP.rate, WARM_UP.seconds)
    const results = SCENARIOS.map(([name, rate]) =>
      load('kefu-edge', `MQTT QoS 1, ${name}`, mqtt, gateway.pid, topics, rate),
    )
    const web = {
      dataDir: gateway.dataDir,
      port: gateway.ports.http,
      pid: gateway.pid,
      devices: DEVICES,
      seconds: SECONDS,
      questions: texts,
    }
    const ways = {
      'WebSocket JSON': (load: WebLoad) => loadWebSocket({ ...load, encoding: 'json' }),
      'WebSocket MessagePack': (load: WebLoad) => loadWebSocket({ ...load, encoding: 'msgpack' }),
      'HTTP keep-alive': loadHttp,
    }
    for (const [way, run] of Object.entries(ways)) {
      await run({ ...web, ...WARM_UP })
      for (const [name, rate] of SCENARIOS) {
        const result = await run(rate === undefined ? web : { ...web, rate })
        results.push({ peer: 'kefu-edge', scenario: `${way}, ${name}`, ...result })
      }
    }
    return results
  } finally {
    await gateway.stop()
  }
}

async function runNaive(): Promise<Result[]> {
  const modules = installPeer('naive', [
    '@nlpjs/core@4.26.1',
    '@nlpjs/nlp@4.27.0',
    '@nlpjs/lang-zh@4.26.1',
  ])
  const port = await freePort()
  const dir = scratchFolder()
  const peer = start(
    process.execPath,
    [join(import.meta.dirname, 'peer-naive.mjs'), String(port), training, dir],
    { NODE_MODULES: join(modules, 'node_modules') },
  )
  try {
    await waitForPort(port, 300_000)
    const topics = ['dev/%d/q', 'dev/%d/a'] as const
    load('naive', 'warm-up', port, peer.pid, topics, WARM_UP.rate, WARM_UP.seconds)
    return SCENARIOS.filter(([, rate]) => rate !== 3000).map(([name, rate]) =>
      load('naive', `MQTT QoS 1, ${name}`, port, peer.pid, topics, rate),
    )
  } finally {
    await peer.stop()
  }
}

/** A data folder in which the pack is installed and learned, as after the first start. */
const template = scratchFolder()
await (await startGateway({ config: OPEN, dataDir: template })).stop()
function preparedFolder(): string {
  const dir = scratchFolder()
  cpSync(template, dir, { recursive: true })
  return dir
}

async function startToFirstAnswer(): Promise<number> {
  const dataDir = preparedFolder()
  const asks = asksFile(`r${++runs}`)
  const began = performance.now()
  const gateway = await startGateway({ config: OPEN, dataDir })
  execFileSync(mqttload, [
    'rtt',
    '--port',
    String(gateway.ports.mqtt),
    '--clients',
    '1',
    '--qos',
    '1',
    '--clientid-prefix',
    'b',
    '--req',
    'kefu/v1/b-q%d/ask',
    '--res',
    'kefu/v1/b-q%d/answer',
    '--payload-file',
    asks,
    '--duration',
    '0.01',
    '--warmup',
    '0',
  ])
  const ms = performance.now() - began
  await gateway.stop()
  return ms
}

const results: Result[] = []
const starts: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  results.push(...(await runOurs()))
  if (!process.env.NO_PEER) results.push(...(await runNaive()))
  starts.push(await startToFirstAnswer())
}

const keys = [...new Set(results.map((one) => `${one.peer}\n${one.scenario}`))]
const rows = keys.map((key) => {
  const [peer = '', scenario = ''] = key.split('\n')
  const of = (pick: (one: Result) => number) =>
    median(results.filter((one) => one.peer === peer && one.scenario === scenario).map(pick))
  const row = {
    scenario,
    peer,
    answersPerSecond: Math.round(of((one) => one.answersPerSecond)),
    cpuUsPerAnswer: Math.round(of((one) => one.cpuUsPerAnswer)),
    p50Ms: Number((of((one) => one.p50Us) / 1000).toFixed(2)),
    p99Ms: Number((of((one) => one.p99Us) / 1000).toFixed(2)),
    rssMb: Math.round(of((one) => one.rssMb)),
  }
  return row
})
console.log(
  `${machine()}; ${DEVICES} devices, median of ${ROUNDS} rounds of ${SECONDS} s, peers in turn\n`,
)
console.log(
  table(
    ['scenario', 'peer', 'answers/s', 'CPU µs/answer', 'p50 ms', 'p99 ms', 'RSS MB'],
    rows.map((row) => Object.values(row)),
  ),
)
console.log(`\nstart to first answer, pack installed: ${Math.round(median(starts))} ms`)
for (const row of rows) console.log(JSON.stringify(row))
console.log(
  JSON.stringify({
    scenario: 'start to first answer',
    peer: 'kefu-edge',
    ms: Math.round(median(starts)),
  }),
)
