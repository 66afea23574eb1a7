/**
 * What one live request costs the cloud core: many gateways, each sending one 300-byte entry a batch over TLS.
 *
 *   node --conditions=kefu-source --import tsx test/bench/cloud-live.ts   (KEFU_BENCH_SECONDS=5)
 *
 * CPU of the core's process a request; requests a second in a closed loop, gateways and core on one machine.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deliver } from '../../cloud-sync/deliver.ts'
import { enrol } from '../../cloud-sync/enrol.ts'
import { loadIdentity } from '../../cloud-sync/identity.ts'
import { createLink } from '../../cloud-sync/link.ts'
import { systemClock } from '../../cloud-sync/ports.ts'
import { packr } from '../../cloud-sync/protocol/parse.ts'
import { type Batch, encodeBatch } from '../../cloud-sync/push-batch.ts'

const GATEWAYS = 50
const SECONDS = Number(process.env.KEFU_BENCH_SECONDS ?? 5)
const USER_HZ = 100

const dir = mkdtempSync(join(tmpdir(), 'kefu-live-'))
const core = await startCore(join(dir, 'core'))
const waits: number[] = []
const coreCpu = cpuSecondsOf(core.pid)
const startedAt = performance.now()
const sent = await Promise.all(Array.from({ length: GATEWAYS }, (_, n) => runGateway(n)))
const seconds = (performance.now() - startedAt) / 1000
const requests = sent.reduce((sum, one) => sum + one, 0)
waits.sort((a, b) => a - b)
console.log(
  JSON.stringify({
    scenario: 'cloud.live',
    gateways: GATEWAYS,
    requestsPerSecond: Math.round(requests / seconds),
    coreCpuMicrosPerRequest: Math.round(((cpuSecondsOf(core.pid) - coreCpu) * 1e6) / requests),
    p50Ms: round(waits[Math.floor(waits.length * 0.5)] ?? 0),
    p99Ms: round(waits[Math.floor(waits.length * 0.99)] ?? 0),
  }),
)
core.process.kill('SIGTERM')
await once(core.process, 'exit')
rmSync(dir, { recursive: true })

/** How many batches went up. */
async function runGateway(n: number): Promise<number> {
  const identity = loadIdentity(`gw-${n}`, join(dir, `${n}.key`))
  const caPem = readFileSync(core.caFile, 'utf8')
  const link = createLink({ url: core.url, caPem, identity, clock: systemClock })
  const enrolled = await enrol(link, identity, core.enrolToken)
  if (enrolled.kind !== 'enrolled') throw new Error(enrolled.detail)
  const signal = new AbortController().signal
  const endsAt = performance.now() + SECONDS * 1000
  let sequence = 0
  while (performance.now() < endsAt) {
    sequence += 1
    const beganAt = performance.now()
    const batch = oneEntry(sequence)
    const nonce = `${n}-${sequence}`
    const encoded = await encodeBatch(batch, sequence - 1, nonce)
    const limits = { stallTimeoutMs: 10_000, signal }
    const delivery = await deliver(link, identity.gatewayId, batch, encoded, nonce, limits)
    if (delivery.kind !== 'stored') throw new Error(JSON.stringify(delivery))
    waits.push(performance.now() - beganAt)
  }
  link.close()
  return sequence
}

function oneEntry(sequence: number): Batch {
  const leaf = {
    v: 1,
    lane: 'audit',
    seq: sequence,
    kind: 'event',
    at: 1,
    body: { x: 'y'.repeat(250) },
  }
  const bytes = packr.encode(leaf)
  return {
    lane: 'audit',
    epoch: 'e1',
    entries: [{ epoch: 'e1', sequence, index: sequence - 1, bytes }],
    firstSequence: sequence,
    lastSequence: sequence,
    bytes: bytes.length,
    isBacklog: false,
  }
}

async function startCore(dataDir: string) {
  const main = join(import.meta.dirname, '../../cloud-sync/core/main.ts')
  const args = [
    '--conditions=kefu-source',
    '--import',
    'tsx',
    main,
    '--data',
    dataDir,
    '--port',
    '0',
  ]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  if (!child.stdout) throw new Error('no output')
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const said = JSON.parse(line.toString()) as { url: string; caFile: string; enrolToken: string }
  return { process: child, pid: child.pid ?? 0, ...said }
}

/** User and system seconds of a process so far (proc(5), fields 14 and 15 of stat). */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / USER_HZ
}

function round(n: number): number {
  return Math.round(n * 10) / 10
}
