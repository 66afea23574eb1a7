/**
 * Asks while a backlog drains: two built gateways, each with a core of its own. One has a ledger of
 * 300-byte entries that all wait for the core; the other has none, and what is asked there goes up at
 * once, as on any day. They are asked in turn over MQTT at a steady rate (open loop, latency from the due
 * time), so that both see the same machine; the core of the first is stopped while the other is asked.
 * The figure is the 99th percentile of each second, and the median of those: on a shared machine that
 * stands still now and then, the percentile of a whole run tells of the machine. The pooled ones are
 * printed too.
 *
 *   node --conditions=kefu-source --import tsx test/bench/asks-while-draining.ts   (KEFU_BENCH_ENTRIES=1000000)
 *
 * Gateways, cores and load share the machine's cores; at a site the core is another machine. KEFU_BENCH_CORE_DIR
 * puts them on a disk of its own, and KEFU_BENCH_CORE_IDLE=1 lets them have what of the cores nobody else wants
 * (SCHED_IDLE, by util-linux' chrt). KEFU_BENCH_ENTRIES=0 is the control: neither has a backlog, and the growth it
 * prints is what this machine makes of nothing. `kefu-edge` must be built.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { composeBox } from '../../gateway/compose.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { backlogDraft } from './backlog.ts'
import { type CoreProcess, startCoreProcess } from './core-process.ts'
import { type Bucket, pooledQuantile } from './histogram.ts'
import {
  buildLoadGenerator,
  cpuSeconds,
  type Gateway,
  machine,
  median,
  residentMb,
  scratchFolder,
  startGateway,
} from './support.ts'

const ENTRIES = Number(process.env.KEFU_BENCH_ENTRIES ?? 1_000_000)
const ASKS_PER_SECOND = Number(process.env.KEFU_BENCH_ASKS ?? 300)
/** Of each phase, after a second in which the clients connect; shorter than the gateway waits for an answer of the core. */
const PHASE_SECONDS = 5
const WARMUP_SECONDS = 1
/** What a phase leaves behind (a request in hand, a fold of the log) must not fall into the next. */
const BETWEEN_MS = 500
/** Of the control, which never runs dry: about as many as a million entries last. */
const CONTROL_PHASES = 9
const IS_CONTROL = ENTRIES === 0
const DEVICES = 50
/** Answered by the starter pack: what the box does not know would go to the core, and the phases would differ by that. */
const QUESTIONS = ['停车场在哪里', '门诊几点开门', '怎么挂号', '卫生间在哪里', '化验单在哪里取']

interface Phase {
  readonly histogram: readonly Bucket[]
  /** Of each second. */
  readonly slice_p99_us: readonly number[]
  readonly answers: number
  readonly unanswered: number
  readonly gatewayCpu: number
  readonly coreCpu: number
}

interface DrainPhase extends Phase {
  /** Entries that the core took, and in how many seconds. */
  readonly drained: number
  readonly seconds: number
}

const load = buildLoadGenerator()
const scratch = scratchFolder()
let phases = 0

/** Asks for some seconds; what the two programs used meanwhile, as shares of a core. */
async function ask({ gateway, core }: Site, seconds: number): Promise<Phase> {
  phases += 1
  const file = join(scratch, `asks-${phases}.jsonl`)
  const asks = Array.from({ length: ASKS_PER_SECOND * (seconds + WARMUP_SECONDS) * 2 }, (_, n) =>
    JSON.stringify({ id: `w${phases}-${n}`, text: QUESTIONS[n % QUESTIONS.length] }),
  )
  writeFileSync(file, asks.join('\n'))
  const flags: readonly (readonly [string, string | number])[] = [
    ['--port', gateway.ports.mqtt],
    ['--clients', DEVICES],
    ['--qos', 1],
    ['--clientid-prefix', 'b'],
    ['--req', 'kefu/v1/b-q%d/ask'],
    ['--res', 'kefu/v1/b-q%d/answer'],
    ['--payload-file', file],
    ['--duration', seconds],
    ['--warmup', WARMUP_SECONDS],
    ['--rate', ASKS_PER_SECOND],
    ['--slice', 1],
  ]
  const args = ['rtt', '--histogram', ...flags.flat().map(String)]
  const run = () => promisify(execFile)(load, args)
  const used = [cpuSeconds(gateway.pid), core.cpuSeconds()] as const
  const startedAt = performance.now()
  // A connect that a signal interrupts is no finding.
  const { stdout } = await run().catch(run)
  const took = (performance.now() - startedAt) / 1000
  rmSync(file)
  const said = JSON.parse(stdout) as Omit<Phase, 'gatewayCpu' | 'coreCpu'>
  return {
    ...said,
    gatewayCpu: (cpuSeconds(gateway.pid) - used[0]) / took,
    coreCpu: (core.cpuSeconds() - used[1]) / took,
  }
}

/** The folder of a box that has learned its pack and has a backlog. */
async function fill(dataDir: string, entries: number): Promise<void> {
  const box = await composeBox(loadConfig({ dataDir, env: {} }))
  for (let done = 0; done < entries; done += 500) {
    await box.store.commit(() => {
      for (let n = done; n < Math.min(done + 500, entries); n += 1) {
        box.ledger.append(backlogDraft('audit', n))
      }
    })
  }
  await box.close()
}

async function readPending(gateway: Gateway): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${gateway.ports.http}/metrics`)).text()
  const line = /kefu_ledger_entries\{[^}]*lane="audit"[^}]*state="pending"[^}]*\} (\d+)/.exec(text)
  return Number(line?.[1] ?? Number.NaN)
}

/** A core that is stopped costs nothing and takes nothing; its gateway has one request in hand and waits. */
async function whileDraining(site: Site): Promise<DrainPhase> {
  const { gateway, core } = site
  const before = await readPending(gateway)
  process.kill(core.pid, 'SIGCONT')
  const startedAt = performance.now()
  const phase = await ask(site, PHASE_SECONDS)
  process.kill(core.pid, 'SIGSTOP')
  const seconds = (performance.now() - startedAt) / 1000
  return { ...phase, drained: before - (await readPending(gateway)), seconds }
}

interface Site {
  readonly gateway: Gateway
  readonly core: CoreProcess
  readonly folders: readonly string[]
}

/** A box that is enrolled, has its backlog and is warm, and its core. */
async function openSite(entries: number): Promise<Site> {
  const dataDir = scratchFolder()
  const coreDir = mkdtempSync(join(process.env.KEFU_BENCH_CORE_DIR ?? tmpdir(), 'kefu-core-'))
  await (await startGateway({ dataDir })).stop()
  await fill(dataDir, entries)
  const core = await startCoreProcess(coreDir)
  if (process.env.KEFU_BENCH_CORE_IDLE === '1') {
    spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(core.pid)])
  }
  const config = [
    'mqtt: { allowAnonymous: true }',
    `cloud: { url: '${core.url}', caFile: '${core.caFile}', enrolToken: '${core.enrolToken}' }`,
  ].join('\n')
  const gateway = await startGateway({ dataDir, config })
  const site = { gateway, core, folders: [dataDir, coreDir] }
  while ((await readPending(gateway)) > Math.max(0, entries - 1)) await sleep(20)
  await ask(site, PHASE_SECONDS)
  return site
}

async function closeSite({ gateway, core, folders }: Site): Promise<void> {
  process.kill(core.pid, 'SIGCONT')
  await gateway.stop()
  await core.stop()
  for (const dir of folders) rmSync(dir, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const usual = await openSite(0)
  const filled = await openSite(ENTRIES)
  process.kill(filled.core.pid, 'SIGSTOP')
  const memory: number[] = []
  const watch = setInterval(() => memory.push(residentMb(filled.gateway.pid)), 200)
  const live: Phase[] = []
  const draining: DrainPhase[] = []
  do {
    await sleep(BETWEEN_MS)
    live.push(await ask(usual, PHASE_SECONDS))
    await sleep(BETWEEN_MS)
    const phase = await whileDraining(filled)
    // The last one ran dry while it was measured.
    if (!IS_CONTROL && (await readPending(filled.gateway)) < 1000) break
    draining.push(phase)
  } while (draining.length < (IS_CONTROL ? CONTROL_PHASES : 100))
  clearInterval(watch)
  console.log(JSON.stringify({ ...report({ live, draining }), ...ofMemory(memory) }))
  for (const site of [usual, filled]) await closeSite(site)
  rmSync(scratch, { recursive: true, force: true })
}

interface Phases {
  readonly live: readonly Phase[]
  readonly draining: readonly DrainPhase[]
}

/** Lists of two: on any day, and while a backlog drains. */
function report(phases: Phases) {
  const { live, draining } = phases
  const kinds = [live, draining]
  const pooled = (q: number) =>
    kinds.map((list) => {
      const histograms = list.map((one) => one.histogram)
      return round(pooledQuantile(histograms, q) / 1000)
    })
  const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0)
  const seconds = kinds.map((list) => list.flatMap((one) => one.slice_p99_us))
  const p99 = seconds.map((list) => round(median(list) / 1000))
  const [usual = 0, beside = 0] = p99
  const cpu = (name: 'gatewayCpu' | 'coreCpu') =>
    kinds.map((list) => round(sum(list.map((one) => one[name])) / list.length))
  return {
    scenario: 'asks while draining',
    machine: machine(),
    entries: ENTRIES,
    asksPerSecond: ASKS_PER_SECOND,
    asks: kinds.map((list) => sum(list.map((one) => one.answers))),
    unanswered: sum(kinds.flat().map((one) => one.unanswered)),
    entriesPerSecond: Math.round(
      sum(draining.map((one) => one.drained)) / sum(draining.map((one) => one.seconds)),
    ),
    seconds: seconds.map((list) => list.length),
    p99OfASecondMs: p99,
    p99GrowthPercent: Math.round((beside / usual - 1) * 100),
    p50Ms: pooled(0.5),
    p90Ms: pooled(0.9),
    p99Ms: pooled(0.99),
    p999Ms: pooled(0.999),
    gatewayCpu: cpu('gatewayCpu'),
    coreCpu: cpu('coreCpu'),
  }
}

/** Flat: what the last tenth of the run held beside the first tenth. */
function ofMemory(memory: readonly number[]) {
  const tenth = Math.max(1, Math.floor(memory.length / 10))
  const mean = (list: readonly number[]) =>
    Math.round(list.reduce((sum, one) => sum + one, 0) / list.length)
  return {
    gatewayMbFirst: mean(memory.slice(0, tenth)),
    gatewayMbLast: mean(memory.slice(-tenth)),
    gatewayMbPeak: Math.round(Math.max(...memory)),
  }
}

const round = (n: number): number => Math.round(n * 100) / 100

await main()
