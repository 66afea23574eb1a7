/**
 * What one live request costs the cloud core: many gateways, each sending one 300-byte entry a batch over TLS.
 *
 *   node --conditions=kefu-source --import tsx test/bench/cloud-live.ts   (KEFU_BENCH_SECONDS=5)
 *
 * CPU of the core's process a request; requests a second in a closed loop, gateways and core on one machine.
 */
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
import { startCoreProcess } from './core-process.ts'

const GATEWAYS = 50
const SECONDS = Number(process.env.KEFU_BENCH_SECONDS ?? 5)

const dir = mkdtempSync(join(tmpdir(), 'kefu-live-'))
const core = await startCoreProcess(join(dir, 'core'))
const waits: number[] = []
const coreCpu = core.cpuSeconds()
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
    coreCpuMicrosPerRequest: Math.round(((core.cpuSeconds() - coreCpu) * 1e6) / requests),
    p50Ms: round(waits[Math.floor(waits.length * 0.5)] ?? 0),
    p99Ms: round(waits[Math.floor(waits.length * 0.99)] ?? 0),
  }),
)
await core.stop()
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
    count: 1,
    entries: [{ epoch: 'e1', sequence, index: sequence - 1, bytes }],
    firstSequence: sequence,
    lastSequence: sequence,
    bytes: bytes.length,
    isBacklog: false,
  }
}

function round(n: number): number {
  return Math.round(n * 10) / 10
}
