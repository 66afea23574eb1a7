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
  /** By an operator; absent: no. */
  readonly isBlocked?: boolean
}

export interface Gateways {
  /** Undefined: never enrolled, or released. */
  find(id: string): Gateway | undefined
  /** Its number in the tables, though it may be released. Throws `gateway.none` where it never enrolled. */
  numberOf(id: string): number
  /** Those of these ids that never enrolled. */
  unknownOf(ids: readonly string[]): readonly string[]
  /** The same key again is no error. Throws `gateway.other-key`, and `gateway.blocked` for a key that was released too. */
  enrol(request: EnrolRequest): Promise<void>
  /** Takes the key away for good, so that the id can be enrolled with another; entries stay. Throws `gateway.none`. */
  release(id: string): Promise<void>
  /** Nothing of it is taken any more, and it cannot enrol, by whatever key. Throws `gateway.none`. */
  block(id: string): Promise<void>
  /** It goes on with the key that it had; keys that were released count again. Throws `gateway.none`. */
  unblock(id: string): Promise<void>
  /** Writes the nonce, then reads it back from what is on disk. */
  echo(gateway: Gateway, nonce: string): Promise<{ nonce: string; atMs: number }>
}

interface Row {
  no: number
  id: string
  public_key: Uint8Array | null
  ledger_key: string | null
  blocked_at: number | null
}

export function createGateways(store: CoreStore, clock: Clock): Gateways {
  const select = store.prepare<Row>(
    'SELECT no, id, public_key, ledger_key, blocked_at FROM gateway WHERE id = ?',
  )
  const upsert = store.prepare(
    `INSERT INTO gateway (id, public_key, ledger_key, enrolled_at, seen_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET public_key = excluded.public_key,
       ledger_key = excluded.ledger_key, enrolled_at = excluded.enrolled_at`,
  )
  const rememberKey = store.prepare(
    `INSERT INTO released_key (public_key, gateway_no)
       SELECT public_key, no FROM gateway WHERE id = ? AND public_key IS NOT NULL
     ON CONFLICT DO NOTHING`,
  )
  const forget = store.prepare('UPDATE gateway SET public_key = NULL WHERE id = ?')
  const setBlocked = store.prepare('UPDATE gateway SET blocked_at = ? WHERE id = ?')
  const forgiveKeys = store.prepare('DELETE FROM released_key WHERE gateway_no = ?')
  /** Under whatever id it comes. */
  const isShutOut = store.prepare(
    `SELECT 1 FROM released_key WHERE public_key = ?
     UNION ALL SELECT 1 FROM gateway WHERE public_key = ? AND blocked_at IS NOT NULL`,
  )
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
    const gateway = {
      no: row.no,
      id,
      publicKey,
      ledgerKey: row.ledger_key ?? undefined,
      isBlocked: row.blocked_at !== null,
    }
    known.set(id, gateway)
    return gateway
  }

  function numberOf(id: string): number {
    const row = select.get(id)
    if (!row) throw new CloudError('gateway.none', { detail: id })
    return row.no
  }

  /** Its requests are judged anew from the moment that it is on disk. */
  async function change(id: string, write: () => unknown): Promise<void> {
    numberOf(id)
    await store.commit(() => {
      write()
      known.delete(id)
    })
    known.delete(id)
  }

  return {
    find,
    numberOf,
    async enrol(request) {
      const key = Buffer.from(request.publicKey, 'base64')
      await store.commit(() => {
        const row = select.get(request.gatewayId)
        if (row && row.blocked_at !== null) throw blocked(`${row.id} is blocked`)
        if (isShutOut.get(key, key))
          throw blocked(`the key of ${request.gatewayId} was taken from it`)
        if (row?.public_key && !key.equals(row.public_key)) {
          throw new CloudError('gateway.other-key', { detail: request.gatewayId })
        }
        const now = clock.now()
        upsert.run(request.gatewayId, key, request.ledgerKey ?? row?.ledger_key ?? null, now, now)
      })
      known.delete(request.gatewayId)
    },
    unknownOf: (ids) => ids.filter((id) => !select.get(id)),
    release: (id) =>
      change(id, () => {
        rememberKey.run(id)
        forget.run(id)
      }),
    block: (id) => change(id, () => setBlocked.run(clock.now(), id)),
    unblock: (id) =>
      change(id, () => {
        setBlocked.run(null, id)
        forgiveKeys.run(numberOf(id))
      }),
    async echo(gateway, nonce) {
      const now = clock.now()
      await store.commit(() => writeEcho.run(nonce, now, now, gateway.no))
      const stored = readEcho.get(gateway.no)
      if (!stored) throw new CloudError('core.failed', { detail: 'echo not found' })
      return stored
    },
  }
}

const blocked = (detail: string): CloudError => new CloudError('gateway.blocked', { detail })
