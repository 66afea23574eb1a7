import { readFileSync } from 'node:fs'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  brokerFromEnvironment,
  type RunningBroker,
  startBroker,
} from '../support/broker-under-test.ts'
import { WireClient } from '../support/wire/client.ts'
import { type FuzzStream, fuzzStream } from '../support/wire/fuzz-streams.ts'
import { type BrokerAddress, openLink } from '../support/wire/link.ts'
import * as packet from '../support/wire/packets.ts'

/** CI sends 20,000 packets; a long run asks for 1,000,000. */
const PACKETS = Number(process.env.FUZZ_PACKETS ?? 20_000)
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 0x7fffffff))
/** Connections side by side: enough to meet each other, few enough to name the guilty ones. */
const CONNECTIONS_AT_ONCE = 16
/** A connection whose end the broker does not notice within this time is a leak. */
const CLOSE_LIMIT_MS = 15_000
/** Pieces one stream is cut into at most; more would only take longer. */
const MAX_PIECES = 25
/** The canary's round trip beside the fuzz; a healthy broker needs milliseconds. */
const ROUND_TRIP_LIMIT_MS = 5_000
/** Refusing everybody at CONNECT would pass all else; about half of the streams begin well. */
const ACCEPTED_SHARE = 0.3
/** Growth of resident memory from the first quarter to the end; the queues of 45 sessions fill up. */
const GROWTH_LIMIT_BYTES = 96 * 1024 * 1024
const TIME_LIMIT_MS = 120_000 + PACKETS * 8

let broker: RunningBroker | undefined
let address: BrokerAddress

beforeAll(async () => {
  const given = brokerFromEnvironment()
  broker = given ? undefined : await startBroker()
  address = given ?? (broker as RunningBroker).address
}, 60_000)

afterAll(() => broker?.stop())

function alive(): boolean {
  if (broker) return broker.alive()
  if (address.pid === undefined) return true
  try {
    return process.kill(address.pid, 0)
  } catch {
    return false
  }
}

/** Resident memory of the broker, or undefined where the system does not tell. */
function residentBytes(): number | undefined {
  try {
    const status = readFileSync(`/proc/${address.pid}/status`, 'utf8')
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}

/** Sends one stream and waits until the broker has let the connection go; was it taken on at all? */
async function play(stream: FuzzStream): Promise<boolean> {
  const link = await openLink(stream.transport, address)
  const closed = new Promise<void>((resolve) => link.onClose(resolve))
  let isAccepted = false
  let isFirst = true
  link.onData((bytes) => {
    if (isFirst) isAccepted = bytes[0] === 0x20 && bytes[3] === 0
    isFirst = false
  })
  const bytes = Buffer.concat(stream.packets)
  const step =
    stream.pieceBytes > 0 ? Math.max(stream.pieceBytes, bytes.length / MAX_PIECES) : bytes.length
  for (let from = 0; from < bytes.length; from += step) {
    link.write(bytes.subarray(from, Math.min(from + step, bytes.length)))
    if (stream.pieceBytes > 0) await nextTurn()
  }
  link.end()
  const limit = new AbortController()
  const late = delay(CLOSE_LIMIT_MS, 'late', { signal: limit.signal }).catch(() => 'done')
  const outcome = await Promise.race([closed, late])
  limit.abort()
  link.destroy()
  if (outcome === 'late') throw new Error('the broker did not close a connection that had ended')
  return isAccepted
}

/** A well-behaved client that talks to itself until it is told to stop. */
async function canary(stopped: () => boolean) {
  const client = new WireClient(await openLink('tcp', address), 5, 'canary')
  client.send(packet.connect({ version: 5, clientId: `canary${SEED}`, keepAlive: 10 }))
  await client.expect('connack')
  await client.subscribe(`canary/${SEED}`, { qos: 1 })
  let rounds = 0
  let slowestMs = 0
  while (!stopped()) {
    const started = performance.now()
    await client.publish(`canary/${SEED}`, `${rounds}`, { qos: 1 })
    const message = await client.receive()
    if (message.payload !== `${rounds}`) throw new Error(`canary heard ${message.payload}`)
    slowestMs = Math.max(slowestMs, performance.now() - started)
    rounds += 1
    await delay(1)
  }
  await client.disconnect()
  return { rounds, slowestMs }
}

function explain(streams: readonly FuzzStream[], error: unknown): Error {
  const sent = streams.map(
    (one) => `${one.transport} ${Buffer.concat(one.packets).toString('hex').slice(0, 4_000)}`,
  )
  const cause = error instanceof Error ? error.message : String(error)
  const log = broker?.log().slice(-4_000) ?? ''
  return new Error(`FUZZ_SEED=${SEED}: ${cause}\n${sent.join('\n')}\n${log}`)
}

test(
  `${PACKETS} generated and damaged packets harm nobody (seed ${SEED})`,
  async () => {
    console.log(`FUZZ_SEED=${SEED} FUZZ_PACKETS=${PACKETS}`)
    let finished = false
    let canaryFailure: unknown
    const singing = canary(() => finished).catch((error: unknown) => {
      canaryFailure = error
      return { rounds: 0, slowestMs: Number.POSITIVE_INFINITY }
    })
    let sent = 0
    let played = 0
    let accepted = 0
    let early: number | undefined
    const batches = fc.stream(generate())
    for (const streams of batches) {
      try {
        const taken = await Promise.all(streams.map(play))
        accepted += taken.filter(Boolean).length
        played += taken.length
        if (!alive()) throw new Error('the broker process has ended')
        if (canaryFailure) throw canaryFailure
      } catch (error) {
        finished = true
        throw explain(streams, error)
      }
      sent += streams.reduce((sum, one) => sum + one.packets.length, 0)
      if (early === undefined && sent >= PACKETS / 4) early = residentBytes()
      if (sent >= PACKETS) break
    }
    finished = true
    const { rounds, slowestMs } = await singing
    const late = residentBytes()
    const grownMb = ((late ?? 0) - (early ?? 0)) / 1024 / 1024
    console.log(
      `fuzz: ${sent} packets on ${played} connections (${accepted} accepted), canary ${rounds} rounds, slowest ${slowestMs.toFixed(0)} ms, ` +
        `resident memory +${grownMb.toFixed(1)} MB`,
    )
    expect(sent).toBeGreaterThanOrEqual(PACKETS)
    expect(accepted / played).toBeGreaterThan(ACCEPTED_SHARE)
    expect(rounds).toBeGreaterThan(5)
    expect(slowestMs).toBeLessThan(ROUND_TRIP_LIMIT_MS)
    if (early !== undefined && late !== undefined) {
      expect(late - early).toBeLessThan(GROWTH_LIMIT_BYTES)
    }
  },
  TIME_LIMIT_MS,
)

/** Batches of streams without end, each from a seed that follows from SEED alone. */
function* generate(): Generator<FuzzStream[]> {
  for (let batch = 0; ; batch++) {
    yield fc.sample(fuzzStream, { seed: SEED + batch, numRuns: CONNECTIONS_AT_ONCE })
  }
}
