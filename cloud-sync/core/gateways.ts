/** Which gateways the core knows, by which key, and when it heard them last. */
import type { KeyObject } from 'node:crypto'
import { CloudError } from '../errors.ts'
import { importPublicKey } from '../identity.ts'
import type { Clock } from '../ports.ts'
import type { EnrolRequest } from '../protocol/messages.ts'
import type { CoreStore } from './storage.ts'

export interface Gateway {
  readonly no: number
  readonly id: string
  readonly publicKey: KeyObject
  /** C2SP vkey of its ledger, where it gave one. */
  readonly ledgerKey: string | undefined
}

export interface Gateways {
  /** Undefined: never enrolled, or released. */
  find(id: string): Gateway | undefined
  /** Its number in the tables, though it may be released. Throws `gateway.none` where it never enrolled. */
  numberOf(id: string): number
  /** The same key again is no error. Throws `gateway.other-key`. */
  enrol(request: EnrolRequest): Promise<void>
  /** Forgets the key, so that the id can be enrolled with another; entries stay. Throws `gateway.none`. */
  release(id: string): Promise<void>
  /** Writes the nonce, then reads it back from what is on disk. */
  echo(gateway: Gateway, nonce: string): Promise<{ nonce: string; atMs: number }>
}

interface Row {
  no: number
  id: string
  public_key: Uint8Array | null
  ledger_key: string | null
}

export function createGateways(store: CoreStore, clock: Clock): Gateways {
  const select = store.prepare<Row>(
    'SELECT no, id, public_key, ledger_key FROM gateway WHERE id = ?',
  )
  const upsert = store.prepare(
    `INSERT INTO gateway (id, public_key, ledger_key, enrolled_at, seen_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET public_key = excluded.public_key,
       ledger_key = excluded.ledger_key, enrolled_at = excluded.enrolled_at`,
  )
  const forget = store.prepare('UPDATE gateway SET public_key = NULL WHERE id = ?')
  const writeEcho = store.prepare(
    'UPDATE gateway SET echo_nonce = ?, echo_at = ?, seen_at = ? WHERE no = ?',
  )
  const readEcho = store.prepare<{ nonce: string; atMs: number }>(
    'SELECT echo_nonce AS nonce, echo_at AS atMs FROM gateway WHERE no = ?',
  )
  /** Importing a key costs more than verifying with it. */
  const known = new Map<string, Gateway>()

  function find(id: string): Gateway | undefined {
    const cached = known.get(id)
    if (cached) return cached
    const row = select.get(id)
    const publicKey = row?.public_key ? importPublicKey(row.public_key) : undefined
    if (!row || !publicKey) return undefined
    const gateway = { no: row.no, id, publicKey, ledgerKey: row.ledger_key ?? undefined }
    known.set(id, gateway)
    return gateway
  }

  function numberOf(id: string): number {
    const row = select.get(id)
    if (!row) throw new CloudError('gateway.none', { detail: id })
    return row.no
  }

  return {
    find,
    numberOf,
    async enrol(request) {
      const key = Buffer.from(request.publicKey, 'base64')
      await store.commit(() => {
        const row = select.get(request.gatewayId)
        if (row?.public_key && !key.equals(row.public_key)) {
          throw new CloudError('gateway.other-key', { detail: request.gatewayId })
        }
        const now = clock.now()
        upsert.run(request.gatewayId, key, request.ledgerKey ?? row?.ledger_key ?? null, now, now)
      })
      known.delete(request.gatewayId)
    },
    async release(id) {
      numberOf(id)
      known.delete(id)
      await store.commit(() => forget.run(id))
      known.delete(id)
    },
    async echo(gateway, nonce) {
      const now = clock.now()
      await store.commit(() => writeEcho.run(nonce, now, now, gateway.no))
      const stored = readEcho.get(gateway.no)
      if (!stored) throw new CloudError('core.failed', { detail: 'echo not found' })
      return stored
    },
  }
}
