/** Who the devices are: ids, kinds, groups and tokens. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import type { Device } from '../turn.ts'

const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const KIND = /^[a-z][a-z0-9-]{0,31}$/
/** 160 random bits: too many to guess, so a fast hash keeps them (RFC 6749 section 10.10). */
const TOKEN_BYTES = 20
const TOKEN_PREFIX = 'kd_'

export interface DeviceRecord extends Device {
  readonly createdAtMs: number
  readonly isDisabled: boolean
}

export interface NewDevice {
  readonly id: string
  readonly kind: string
  readonly groups?: readonly string[]
  /** Give an existing device a new token instead of refusing. */
  readonly replace?: boolean
}

export interface Registry {
  /**
   * Adds a device and makes its token, which is shown once and kept only as a hash.
   * Inside `store.commit`. Throws `device.invalid`, `device.exists`.
   */
  add(device: NewDevice, nowMs: number): { readonly device: Device; readonly token: string }
  get(id: string): DeviceRecord | undefined
  list(): readonly DeviceRecord[]
  /** Inside `store.commit`. Throws `device.unknown`. */
  setDisabled(id: string, isDisabled: boolean, nowMs: number): void
  /** Inside `store.commit`. Throws `device.unknown`. */
  remove(id: string): void
  /** The device that shows this token; `id`, where the channel gives one, must be its own. */
  authenticate(token: string, id?: string): Authentication
}

export type Authentication =
  | { readonly ok: true; readonly device: Device }
  | { readonly ok: false; readonly code: 'auth.refused' | 'auth.disabled' }

interface Row {
  id: string
  kind: string
  groups: string
  token_hash: Buffer
  created_at: number
  disabled_at: number | null
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

const recordOf = (row: Row): DeviceRecord => ({
  id: row.id,
  kind: row.kind,
  groups: JSON.parse(row.groups) as string[],
  createdAtMs: row.created_at,
  isDisabled: row.disabled_at !== null,
})

export function createRegistry(store: Store): Registry {
  const byId = store.prepare<Row>('SELECT * FROM device WHERE id = ?')
  const byToken = store.prepare<Row>('SELECT * FROM device WHERE token_hash = ?')
  const all = store.prepare<Row>('SELECT * FROM device ORDER BY id')
  const insert = store.prepare(
    'INSERT INTO device (id, kind, groups, token_hash, created_at) VALUES (?, ?, ?, ?, ?)',
  )
  const replace = store.prepare(
    'UPDATE device SET kind = ?, groups = ?, token_hash = ?, disabled_at = NULL WHERE id = ?',
  )
  const disable = store.prepare('UPDATE device SET disabled_at = ? WHERE id = ?')
  const drop = store.prepare('DELETE FROM device WHERE id = ?')

  function mustExist(changes: number, id: string): void {
    if (changes === 0) throw new GatewayError('device.unknown', { detail: id })
  }

  return {
    add({ id, kind, groups = [], replace: isReplaced = false }, nowMs) {
      checkNew(id, kind, groups)
      const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')
      const exists = byId.get(id) !== undefined
      if (exists && !isReplaced) throw new GatewayError('device.exists', { detail: id })
      if (exists) replace.run(kind, JSON.stringify(groups), hashOf(token), id)
      else insert.run(id, kind, JSON.stringify(groups), hashOf(token), nowMs)
      return { device: { id, kind, groups }, token }
    },
    get: (id) => {
      const row = byId.get(id)
      return row && recordOf(row)
    },
    list: () => all.all().map(recordOf),
    setDisabled(id, isDisabled, nowMs) {
      mustExist(disable.run(isDisabled ? nowMs : null, id).changes, id)
    },
    remove(id) {
      mustExist(drop.run(id).changes, id)
    },
    authenticate(token, id) {
      const hash = hashOf(token)
      const row = id === undefined ? byToken.get(hash) : byId.get(id)
      if (!row || !timingSafeEqual(row.token_hash, hash)) return { ok: false, code: 'auth.refused' }
      if (row.disabled_at !== null) return { ok: false, code: 'auth.disabled' }
      return { ok: true, device: recordOf(row) }
    },
  }
}

function checkNew(id: string, kind: string, groups: readonly string[]): void {
  if (!DEVICE_ID.test(id)) throw new GatewayError('device.invalid', { detail: `id "${id}"` })
  for (const word of [kind, ...groups]) {
    if (!KIND.test(word)) {
      throw new GatewayError('device.invalid', {
        detail: `"${word}": kinds and groups are 1–32 lower-case letters, digits and dashes`,
      })
    }
  }
}
