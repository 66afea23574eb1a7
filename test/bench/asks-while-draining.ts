/**
 * Asks while a backlog drains: the built gateway with a ledger of 300-byte entries that all wait for the
 * core, 100 asks a second over MQTT (open loop, latency from the due time) while the core is away and
 * again while the backlog goes up.
 *
 *   node --conditions=kefu-source --import tsx test/bench/asks-while-draining.ts   (KEFU_BENCH_ENTRIES=1000000)
 *
 * Gateway, core and load share the machine's cores and its disk; `kefu-edge` must be built.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { composeBox } from '../../gateway/compose.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { backlogDraft } from './backlog.ts'
import { startCoreProcess } from './core-process.ts'
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
const ASKS_PER_SECOND = Number(process.env.KEFU_BENCH_ASKS ?? 100)
/** One window of asks: 200 of them at the usual rate; medians are taken over the windows. */
const WINDOW_SECONDS = 2
const WINDOWS_BEFORE = 8
const DEVICES = 50
const QUESTIONS = ['停车场在哪里', '门诊几点开门', '怎么挂号', '医保怎么报销', '化验单在哪里取']

interface Window {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly answered: number
}

const load = buildLoadGenerator()
const scratch = scratchFolder()
let windows = 0

async function askWindow(gateway: Gateway): Promise<Window> {
  windows += 1
  const file = join(scratch, `asks-${windows}.jsonl`)
  const asks = Array.from({ length: ASKS_PER_SECOND * (WINDOW_SECONDS + 2) * 2 }, (_, n) =>
    JSON.stringify({ id: `w${windows}-${n}`, text: QUESTIONS[n % QUESTIONS.length] }),
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
    ['--duration', WINDOW_SECONDS],
    ['--warmup', 0.3],
    ['--rate', ASKS_PER_SECOND],
  ]
  const run = () => promisify(execFile)(load, ['rtt', ...flags.flat().map(String)])
  // A connect that a signal interrupts is no finding.
  const { stdout } = await run().catch(run)
  const said = JSON.parse(stdout) as { p50_us: number; p99_us: number; qps: number }
  return {
    p50Ms: said.p50_us / 1000,
    p99Ms: said.p99_us / 1000,
    answered: said.qps * WINDOW_SECONDS,
  }
}

/** The folder of a box that has learned its pack and has a backlog. */
async function fill(dataDir: string): Promise<void> {
  const box = await composeBox(loadConfig({ dataDir, env: {} }))
  for (let done = 0; done < ENTRIES; done += 500) {
    await box.store.commit(() => {
      for (let n = done; n < Math.min(done + 500, ENTRIES); n += 1) {
        box.ledger.append(backlogDraft('audit', n))
      }
    })
  }
  await box.close()
}

interface Metrics {
  readonly pending: number
}

async function readMetrics(gateway: Gateway): Promise<Metrics> {
  const text = await (await fetch(`http://127.0.0.1:${gateway.ports.http}/metrics`)).text()
  const line = /kefu_ledger_entries\{[^}]*lane="audit"[^}]*state="pending"[^}]*\} (\d+)/.exec(text)
  return { pending: Number(line?.[1] ?? Number.NaN) }
}

/** Asks in windows until the backlog is gone; a window counts only if all of it fell into the drain. */
async function askUntilDrained(gateway: Gateway): Promise<readonly Window[]> {
  const during: Window[] = []
  for (;;) {
    const window = await askWindow(gateway)
    if ((await readMetrics(gateway)).pending < 1000) return during
    during.push(window)
  }
}

async function main(): Promise<void> {
  const dataDir = scratchFolder()
  const coreDir = mkdtempSync(join(process.env.KEFU_BENCH_CORE_DIR ?? tmpdir(), 'kefu-core-'))
  await (await startGateway({ dataDir })).stop()
  await fill(dataDir)
  const first = await startCoreProcess(coreDir)
  const port = Number(new URL(first.url).port)
  await first.stop()
  const config = [
    'mqtt: { allowAnonymous: true }',
    `cloud: { url: '${first.url}', caFile: '${first.caFile}', enrolToken: '${first.enrolToken}' }`,
  ].join('\n')
  const gateway = await startGateway({ dataDir, config })
  await askWindow(gateway)
  const before: Window[] = []
  const cpuBefore = cpuSeconds(gateway.pid)
  const beganAt = performance.now()
  for (let n = 0; n < WINDOWS_BEFORE; n += 1) before.push(await askWindow(gateway))
  const loadShare = (cpuSeconds(gateway.pid) - cpuBefore) / ((performance.now() - beganAt) / 1000)

  const core = await startCoreProcess(coreDir, port)
  while ((await readMetrics(gateway)).pending >= ENTRIES - 1000) await sleep(20)
  const startedAt = performance.now()
  const startedWith = await readMetrics(gateway)
  const cpu = [cpuSeconds(gateway.pid), core.cpuSeconds()] as const
  const memory = residentMb(gateway.pid)
  let peakMb = memory
  const watch = setInterval(() => {
    peakMb = Math.max(peakMb, residentMb(gateway.pid))
  }, 200)
  let drainedAt = 0
  const watching = (async () => {
    while ((await readMetrics(gateway)).pending >= 1000) await sleep(100)
    drainedAt = performance.now()
  })()
  const during = await askUntilDrained(gateway)
  await watching
  clearInterval(watch)
  const seconds = (drainedAt - startedAt) / 1000
  const of = (list: readonly Window[], pick: (one: Window) => number) =>
    round(median(list.map(pick)))
  const p99Before = of(before, (one) => one.p99Ms)
  const p99During = of(during, (one) => one.p99Ms)
  console.log(
    JSON.stringify({
      scenario: 'asks while draining',
      machine: machine(),
      entries: ENTRIES,
      asksPerSecond: ASKS_PER_SECOND,
      drainSeconds: round(seconds),
      entriesPerSecond: Math.round(startedWith.pending / seconds),
      p50BeforeMs: of(before, (one) => one.p50Ms),
      p50DuringMs: of(during, (one) => one.p50Ms),
      p99BeforeMs: p99Before,
      p99DuringMs: p99During,
      p99GrowthPercent: Math.round((p99During / p99Before - 1) * 100),
      p99OfEachWindowBefore: before.map((one) => round(one.p99Ms)),
      p99OfEachWindowDuring: during.map((one) => round(one.p99Ms)),
      gatewayCpuShareBefore: round(loadShare),
      gatewayCpuShareDuring: round((cpuSeconds(gateway.pid) - cpu[0]) / seconds),
      coreCpuShareDuring: round((core.cpuSeconds() - cpu[1]) / seconds),
      gatewayMbAtStart: Math.round(memory),
      gatewayMbPeak: Math.round(peakMb),
    }),
  )
  await gateway.stop()
  await core.stop()
  for (const dir of [dataDir, coreDir, scratch]) rmSync(dir, { recursive: true, force: true })
}

const round = (n: number): number => Math.round(n * 100) / 100

await main()
