/**
 * Adds branch counts that the core cannot read: the product of Paillier ciphertexts is the sum of what
 * they hold. Only sums over enough gateways are given out; no single branch's ciphertext ever is. What
 * was given out grows by as many gateways or not at all: the difference of two sums is a sum as well.
 */
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { CloudError } from '../errors.ts'
import {
  CountingKey,
  type CountsRequest,
  CountsRequest as CountsRequestSchema,
  keyIdOf,
  layoutIdOf,
  MAX_SUMMED_GATEWAYS,
  MIN_KEY_BITS,
  Period,
  slotsOf,
} from '../protocol/counts.ts'
import { parseJson } from '../protocol/parse.ts'
import type { Gateway } from './gateways.ts'
import { json } from './http.ts'
import { gatewayOf, orInvalid, parseBody, type Route } from './route.ts'
import type { CoreStore } from './storage.ts'

/** A sum over fewer branches tells too much about each; so does a sum that grew by fewer. */
export const MIN_SUMMED_GATEWAYS = 3

const Names = Type.Array(Type.String())
const Sums = Type.Array(Type.String())

export interface CountSum {
  readonly keyId: string
  readonly names: readonly string[]
  readonly gateways: number
  readonly ciphertexts: readonly string[]
}

/** Gateways that have counted and are in no sum yet. */
export type CountsWaiting = Omit<CountSum, 'ciphertexts'>

export interface Counts {
  addKey(key: CountingKey): Promise<string>
  /** The first of a gateway and period counts; the same again is no error and has no effect. */
  add(gateway: Gateway, request: CountsRequest): Promise<void>
  /**
   * Gives out what may be, and keeps it: asked again, the sums are the same until enough gateways more
   * have counted.
   */
  sums(
    period: string,
  ): Promise<{ readonly sums: readonly CountSum[]; readonly waiting: readonly CountsWaiting[] }>
}

interface SumRow {
  keyId: string
  names: string
  gateways: number
  sums: string
}

export function createCounts(store: CoreStore): Counts {
  const addKey = store.prepare('INSERT INTO count_key (id, n) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const findKey = store.prepare<{ n: string }>('SELECT n FROM count_key WHERE id = ?')
  const claim = store.prepare(
    `INSERT INTO count_given (period, key_id, gateway_no) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const find = store.prepare<SumRow>(
    `SELECT key_id AS keyId, names, gateways, sums FROM count_sum
     WHERE period = ? AND key_id = ? AND layout_id = ?`,
  )
  const save = store.prepare(
    `INSERT INTO count_sum (period, key_id, layout_id, names, gateways, sums)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET gateways = excluded.gateways, sums = excluded.sums`,
  )
  const giveOut = store.prepare(
    `UPDATE count_sum SET given_gateways = gateways, given_sums = sums
     WHERE period = ? AND gateways - given_gateways >= ?`,
  )
  const ofPeriod = store.prepare<SumRow & { waiting: number }>(
    `SELECT key_id AS keyId, names, given_gateways AS gateways, given_sums AS sums,
       gateways - given_gateways AS waiting
     FROM count_sum WHERE period = ?`,
  )

  return {
    async addKey(key) {
      const id = keyIdOf(key)
      if (big(key.n).toString(2).length < MIN_KEY_BITS) {
        throw new CloudError('request.invalid', { detail: `n: fewer than ${MIN_KEY_BITS} bits` })
      }
      await store.commit(() => addKey.run(id, key.n))
      return id
    },
    async add(gateway, { period, keyId, names, ciphertexts }) {
      const key = findKey.get(keyId)
      if (!key) throw new CloudError('counts.unknown-key', { detail: keyId })
      const n = big(key.n)
      const modulus = n * n
      const needed = Math.ceil(names.length / slotsOf(n.toString(2).length))
      const numbers = ciphertexts.map(big)
      if (numbers.length !== needed || numbers.some((one) => one <= 0n || one >= modulus)) {
        throw new CloudError('request.invalid', { detail: 'ciphertexts: not of this key' })
      }
      await store.commit(() => {
        if (claim.run(period, keyId, gateway.no).changes === 0) return
        const layoutId = layoutIdOf(names)
        const row = find.get(period, keyId, layoutId)
        const before = row ? orInvalid(parseJson(Sums, Buffer.from(row.sums))) : []
        const gateways = (row?.gateways ?? 0) + 1
        if (gateways > MAX_SUMMED_GATEWAYS) throw new CloudError('request.too-large')
        const sums = numbers.map((one, i) => ((one * big(before[i] ?? '1')) % modulus).toString(16))
        save.run(period, keyId, layoutId, JSON.stringify(names), gateways, JSON.stringify(sums))
      })
    },
    async sums(period) {
      if (!Value.Check(Period, period)) {
        throw new CloudError('request.invalid', { detail: `${period}: not a day as in 2026-11-22` })
      }
      await store.commit(() => giveOut.run(period, MIN_SUMMED_GATEWAYS))
      const rows = ofPeriod.all(period).map(({ names, sums, ...row }) => ({
        ...row,
        names: orInvalid(parseJson(Names, Buffer.from(names))),
        ciphertexts: orInvalid(parseJson(Sums, Buffer.from(sums))),
      }))
      return {
        sums: rows.filter(({ gateways }) => gateways > 0).map(({ waiting: _, ...sum }) => sum),
        waiting: rows
          .filter(({ waiting }) => waiting > 0)
          .map(({ keyId, names, waiting }) => ({ keyId, names, gateways: waiting })),
      }
    },
  }
}

export function countRoutes(counts: Counts): readonly Route[] {
  return [
    {
      method: 'POST',
      path: /^\/v1\/counts\/keys$/,
      caller: 'operator',
      handle: async ({ incoming }) =>
        json({ keyId: await counts.addKey(parseBody(CountingKey, incoming)) }, 201),
    },
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/counts$/,
      caller: 'gateway',
      async handle(call) {
        await counts.add(gatewayOf(call), parseBody(CountsRequestSchema, call.incoming))
        return json({ counted: true })
      },
    },
    {
      method: 'GET',
      path: /^\/v1\/counts\/(?<period>[^/]+)$/,
      caller: 'operator',
      // The first reading fixes the sum.
      hasEffect: true,
      handle: async ({ params }) => json(await counts.sums(params.period ?? '')),
    },
  ]
}

function big(hex: string): bigint {
  return BigInt(`0x${hex}`)
}
