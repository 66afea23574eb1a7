/**
 * Sends what this branch counted, day by day, encrypted for the holder of the key alone: the cloud core
 * adds the branches up without reading any. cloud-sync/DESIGN.md says who may learn what.
 */
import { readFileSync } from 'node:fs'
import { createBranchCounter, sendCounts } from '@kefu-edge/cloud-sync/counting/counter'
import type { Link } from '@kefu-edge/cloud-sync/ports'
import { CountingKey, keyIdOf, MIN_KEY_BITS } from '@kefu-edge/cloud-sync/protocol/counts'
import { Value } from '@sinclair/typebox/value'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { FullLedger } from '../ledger/ledger.ts'
import type { Store } from '../storage/store.ts'
import { gatherDay } from './gather-day.ts'

/** A box that was away longer leaves the days before out of the sums. */
const DAYS_BACK = 14
/** Marks in the record: no device can have this name. */
const MARK = ':counts'

export interface BranchCounts {
  /** Sends the finished days that were not sent yet; says how many. Throws when the core takes them not. */
  sendDue(signal: AbortSignal): Promise<string>
}

/** Throws `config.invalid` when the key file is not a public counting key. */
export function createBranchCounts(parts: {
  readonly keyFile: string
  readonly intents: readonly string[]
  readonly link: Link
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly ledger: FullLedger
}): BranchCounts {
  const { intents, link, store, clock, ledger } = parts
  const key = readKey(parts.keyFile)
  const keyId = keyIdOf(key)

  /** Crash story: a day that was sent and not marked is sent again; the core counts the first only. */
  async function send(day: Day, signal: AbortSignal): Promise<void> {
    const counts = await gatherDay(ledger, day, intents, signal)
    const counter = createBranchCounter(key)
    try {
      const request = await counter.encrypt(day.name, counts)
      const outcome = await sendCounts(link, ledger.gatewayId, request)
      if (outcome.kind === 'refused') {
        throw new GatewayError('counts.refused', { detail: `${day.name}: ${outcome.detail}` })
      }
    } finally {
      await counter.close()
    }
    await store.commit(() =>
      ledger.append({
        lane: 'audit',
        kind: 'counts.sent',
        atMs: clock.now(),
        askKey: { deviceId: MARK, askId: `${keyId}/${day.name}` },
        body: { period: day.name, keyId, counters: counts.size },
      }),
    )
  }

  return {
    async sendDue(signal) {
      // Where the first entry was removed by age the record is older than any day that is looked at.
      const begunAtMs = ledger.entryAt(0)?.atMs ?? 0
      const due = daysBefore(clock.now()).filter(
        ({ name, untilMs }) =>
          untilMs > begunAtMs && ledger.seen(MARK, `${keyId}/${name}`) === undefined,
      )
      for (const day of due) await send(day, signal)
      return due.length === 0 ? 'nothing new' : `${due.map(({ name }) => name).join(', ')} sent`
    },
  }
}

interface Day {
  readonly name: string
  readonly fromMs: number
  readonly untilMs: number
}

/** The finished days of the site's calendar, oldest first. */
function daysBefore(nowMs: number): readonly Day[] {
  const now = new Date(nowMs)
  const midnight = (daysAgo: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo)
  return Array.from({ length: DAYS_BACK }, (_, n) => {
    const from = midnight(DAYS_BACK - n)
    const name = [from.getFullYear(), from.getMonth() + 1, from.getDate()]
      .map((part) => String(part).padStart(2, '0'))
      .join('-')
    return { name, fromMs: from.getTime(), untilMs: midnight(DAYS_BACK - n - 1).getTime() }
  })
}

function readKey(file: string): CountingKey {
  const value = parsed(textOf(file))
  // A private key on a gateway would let whoever steals the box read all branches.
  const isPrivate = typeof value === 'object' && value !== null && 'lambda' in value
  if (!isPrivate && Value.Check(CountingKey, value) && bitsOf(value) >= MIN_KEY_BITS) return value
  throw new GatewayError('config.invalid', {
    detail: `cloud.counts.keyFile ${file}: not the public part of a counting key of ${MIN_KEY_BITS} bits`,
  })
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new GatewayError('config.unreadable', { detail: `cloud.counts.keyFile ${file}`, cause })
  }
}

/** Undefined where it is not JSON: the file can be read and is another one. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const bitsOf = ({ n }: CountingKey): number => BigInt(`0x${n}`).toString(2).length
