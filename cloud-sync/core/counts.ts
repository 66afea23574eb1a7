/**
 * Adds branch counts that the core cannot read: the product of Paillier ciphertexts is the sum of what
 * they hold. Only sums over enough gateways are given out; no single branch's ciphertext ever is.
 */
import { Type } from '@sinclair/typebox'
import { CloudError } from '../errors.ts'
import {
  CountingKey,
  type CountsRequest,
  CountsRequest as CountsRequestSchema,
  keyIdOf,
  layoutIdOf,
  MAX_SUMMED_GATEWAYS,
  MIN_KEY_BITS,
  slotsOf,
} from '../protocol/counts.ts'
import { parseJson } from '../protocol/parse.ts'
import type { Gateway } from './gateways.ts'
import { json } from './http.ts'
import { gatewayOf, orInvalid, parseBody, type Route } from './routes.ts'
import type { CoreStore } from './storage.ts'

/** A sum over fewer branches tells too much about each. */
export const MIN_SUMMED_GATEWAYS = 3

const Names = Type.Array(Type.String())
const Sums = Type.Array(Type.String())

export interface CountSum {
  readonly keyId: string
  readonly names: readonly string[]
  readonly gateways: number
  readonly ciphertexts: readonly string[]
}

export interface Counts {
  addKey(key: CountingKey): Promise<string>
  /** The first of a gateway and period counts; the same again is no error and has no effect. */
  add(gateway: Gateway, request: CountsRequest): Promise<void>
  sums(period: string): readonly CountSum[]
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
  const ofPeriod = store.prepare<SumRow>(
    `SELECT key_id AS keyId, names, gateways, sums FROM count_sum
     WHERE period = ? AND gateways >= ?`,
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
      if (!key) throw new CloudError('request.invalid', { detail: 'keyId: not known here' })
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
    sums: (period) =>
      ofPeriod.all(period, MIN_SUMMED_GATEWAYS).map(({ keyId, names, gateways, sums }) => ({
        keyId,
        gateways,
        names: orInvalid(parseJson(Names, Buffer.from(names))),
        ciphertexts: orInvalid(parseJson(Sums, Buffer.from(sums))),
      })),
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
      handle: ({ params }) => json({ sums: counts.sums(params.period ?? '') }),
    },
  ]
}

function big(hex: string): bigint {
  return BigInt(`0x${hex}`)
}
