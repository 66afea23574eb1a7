/**
 * Draining a backlog: the gateway's own ledger, 300-byte entries, to a cloud core in another process over
 * TLS, both with synchronous=FULL, while critical entries keep coming.
 *
 *   node --conditions=kefu-source --import tsx test/bench/cloud-drain.ts   (KEFU_BENCH_ENTRIES=1000000)
 *
 * Wall time of the drain, CPU of both processes, resident memory, and how long a critical entry takes
 * from its commit to the acknowledgement of the core.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import https from 'node:https'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { enrol } from '../../cloud-sync/enrol.ts'
import { loadIdentity } from '../../cloud-sync/identity.ts'
import type { FullLedger } from '../../gateway/ledger/ledger.ts'
import type { Store } from '../../gateway/storage/store.ts'
import { openTestLedger } from '../faults/cloud-ledger.ts'
import { openPusher } from '../support/pusher.ts'
import { backlogDraft } from './backlog.ts'
import { type CoreProcess, startCoreProcess } from './core-process.ts'

const ENTRIES = Number(process.env.KEFU_BENCH_ENTRIES ?? 200_000)
/** A nurse call every 50 ms: a large ward at its worst. */
const CRITICAL_EVERY_MS = 50
const SAMPLE_EVERY_MS = 250

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kefu-drain-'))
  const core = await startCoreProcess(join(dir, 'core'))
  const { store, ledger } = openTestLedger(dir)
  const entryBytes = await fill(store, ledger)
  const identity = loadIdentity(ledger.gatewayId, join(dir, 'gateway.key'))
  const caPem = readFileSync(core.caFile, 'utf8')
  const { link, pusher, close } = openPusher({
    source: ledger,
    identity,
    core: { url: core.url, caPem },
  })
  const enrolled = await enrol(link, identity, core.enrolToken)
  if (enrolled.kind !== 'enrolled') throw new Error(enrolled.detail)

  const cpu = process.cpuUsage()
  const coreCpu = core.cpuSeconds()
  const startedAt = performance.now()
  pusher.start()
  const critical = await drain(store, ledger, core)
  const tookMs = performance.now() - startedAt
  const used = process.cpuUsage(cpu)
  const gatewayCpuUs = used.user + used.system
  const coreCpuUs = (core.cpuSeconds() - coreCpu) * 1e6

  console.log(
    JSON.stringify({
      scenario: 'cloud.drain',
      cpu: `${cpus().length}x ${cpus()[0]?.model ?? ''}`,
      entries: ENTRIES,
      entryBytes,
      seconds: round(tookMs / 1000),
      entriesPerSecond: Math.round((ENTRIES * 1000) / tookMs),
      gatewayCpuMicrosPerEntry: round(gatewayCpuUs / ENTRIES),
      coreCpuMicrosPerEntry: round(coreCpuUs / ENTRIES),
      ...critical,
    }),
  )
  await close()
  const { stored, duplicates } = await readCore(core, dir)
  const sent = ledger.balance().reduce((sum, lane) => sum + lane.accepted, 0)
  console.log(JSON.stringify({ stored, duplicates, lost: sent - stored }))
  if (stored !== sent) process.exitCode = 1
  await store.close()
  await core.stop()
  rmSync(dir, { recursive: true })
}

/** Bytes of one entry. */
async function fill(store: Store, ledger: FullLedger): Promise<number> {
  for (let done = 0; done < ENTRIES; done += 500) {
    await store.commit(() => {
      for (let n = done; n < Math.min(done + 500, ENTRIES); n += 1)
        ledger.append(backlogDraft('audit', n))
    })
  }
  return ledger.readLane('audit', 10, 1, 1)[0]?.bytes.length ?? 0
}

/** Until the backlog is gone; what critical entries and memory did meanwhile. */
async function drain(store: Store, ledger: FullLedger, core: CoreProcess) {
  const waits: number[] = []
  const waiting: { readonly sequence: number; readonly atMs: number }[] = []
  const memory = { gatewayMb: [] as number[], coreMb: [] as number[] }
  let sampledAt = 0
  let calledAt = 0
  let n = 0
  const laneOf = (lane: string) => ledger.balance().find((one) => one.lane === lane)
  while ((laneOf('audit')?.pending ?? 0) > 0 || waiting.length > 0) {
    const now = performance.now()
    const delivered = laneOf('critical')?.delivered ?? 0
    while ((waiting[0]?.sequence ?? Number.POSITIVE_INFINITY) <= delivered) {
      waits.push(now - (waiting.shift()?.atMs ?? now))
    }
    if (now - calledAt >= CRITICAL_EVERY_MS && (laneOf('audit')?.pending ?? 0) > 0) {
      calledAt = now
      n += 1
      const { sequence } = await store.commit(() => ledger.append(backlogDraft('critical', n)))
      waiting.push({ sequence, atMs: now })
    }
    if (now - sampledAt >= SAMPLE_EVERY_MS) {
      sampledAt = now
      memory.gatewayMb.push(process.memoryUsage.rss() / 1e6)
      memory.coreMb.push(core.residentMb())
    }
    await sleep(2)
  }
  waits.sort((a, b) => a - b)
  const at = (share: number) =>
    round(waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0)
  return {
    criticalEntries: waits.length,
    criticalP50Ms: at(0.5),
    criticalP99Ms: at(0.99),
    criticalMaxMs: at(1),
    gatewayMbFirstQuarter: peak(memory.gatewayMb, 0, 0.25),
    gatewayMbLastQuarter: peak(memory.gatewayMb, 0.75, 1),
    coreMbFirstQuarter: peak(memory.coreMb, 0, 0.25),
    coreMbLastQuarter: peak(memory.coreMb, 0.75, 1),
  }
}

/** What the core says that it has. */
async function readCore(core: CoreProcess, dir: string) {
  const token = readFileSync(join(dir, 'core', 'operator.token'), 'utf8').trim()
  const ca = readFileSync(core.caFile, 'utf8')
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const request = https.get(`${core.url}/v1/gateways`, { ca, headers }, (response) => {
      let body = ''
      response.on('data', (piece: Buffer) => {
        body += piece.toString()
      })
      response.on('end', () => resolve(body))
    })
    request.on('error', reject)
  })
  const fleet = JSON.parse(text) as {
    gateways: { streams: { entries: number; duplicates: number }[] }[]
  }
  const streams = fleet.gateways[0]?.streams ?? []
  return {
    stored: streams.reduce((sum, stream) => sum + stream.entries, 0),
    duplicates: streams.reduce((sum, stream) => sum + stream.duplicates, 0),
  }
}

function peak(samples: readonly number[], from: number, to: number): number {
  const part = samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to))
  return Math.round(Math.max(0, ...part))
}

const round = (n: number): number => Math.round(n * 10) / 10

await main()
