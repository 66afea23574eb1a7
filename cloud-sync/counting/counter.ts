/** A branch's side of counting without looking: counts in, ciphertexts out. */
import { Worker } from 'node:worker_threads'
import type { Link } from '../ports.ts'
import {
  type CountingKey,
  type CountsRequest,
  keyIdOf,
  MIN_KEY_BITS,
  packCounts,
} from '../protocol/counts.ts'
import { ProblemAnswer } from '../protocol/messages.ts'
import { parseJson } from '../protocol/parse.ts'

export interface BranchCounter {
  encrypt(period: string, counts: ReadonlyMap<string, number>): Promise<CountsRequest>
  close(): Promise<void>
}

/**
 * `key` must come from the gateway's own configuration: a core that could choose it could read the counts.
 * Throws RangeError for a short key.
 */
export function createBranchCounter(key: CountingKey): BranchCounter {
  const n = BigInt(`0x${key.n}`)
  const keyBits = n.toString(2).length
  if (keyBits < MIN_KEY_BITS) throw new RangeError(`a counting key of ${keyBits} bits is too short`)
  // A worker is a program of its own: where this file runs from its source, the worker is the built one.
  const file = import.meta.url.endsWith('.ts')
    ? '../dist/counting/paillier-worker.js'
    : './paillier-worker.js'
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: { n, g: BigInt(`0x${key.g}`) },
  })
  worker.unref()
  const waiting = new Map<
    number,
    { resolve(ciphertexts: readonly bigint[]): void; reject(error: unknown): void }
  >()
  let nextId = 0
  worker.on('message', ({ id, ciphertexts }: { id: number; ciphertexts: readonly bigint[] }) => {
    waiting.get(id)?.resolve(ciphertexts)
    waiting.delete(id)
  })
  const failAll = (error: unknown) => {
    for (const one of waiting.values()) one.reject(error)
    waiting.clear()
  }
  worker.on('error', failAll)
  worker.on('exit', () => failAll(new Error('the counting worker ended')))

  return {
    async encrypt(period, counts) {
      const names = [...counts.keys()].sort()
      const plaintexts = packCounts(
        names.map((name) => counts.get(name) ?? 0),
        keyBits,
      )
      nextId += 1
      const id = nextId
      const ciphertexts = await new Promise<readonly bigint[]>((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        worker.postMessage({ id, plaintexts })
      })
      const hex = ciphertexts.map((one) => one.toString(16))
      return { period, keyId: keyIdOf(key), names, ciphertexts: hex }
    },
    close: async () => {
      await worker.terminate()
    },
  }
}

export type CountsOutcome =
  /** The core has counts of this gateway and period: these, or those that came first. */
  { readonly kind: 'counted' } | { readonly kind: 'refused'; readonly detail: string }

export async function sendCounts(
  link: Link,
  gatewayId: string,
  request: CountsRequest,
): Promise<CountsOutcome> {
  const result = await link.request({
    method: 'POST',
    path: `/v1/gateways/${gatewayId}/counts`,
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify(request)),
  })
  if (result.kind === 'failure') return { kind: 'refused', detail: `link.${result.failure}` }
  if (result.status === 200) return { kind: 'counted' }
  const problem = parseJson(ProblemAnswer, result.body)
  const detail = problem.ok ? `${problem.value.code} ${problem.value.detail ?? ''}` : ''
  return { kind: 'refused', detail: detail.trim() || `status ${result.status}` }
}
