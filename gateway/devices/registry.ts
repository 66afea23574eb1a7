/** Who the devices are: ids, kinds, groups and tokens. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import type { Device } from '../turn.ts'
import { type ScramKeys, scramKeysOfToken } from './scram.ts'

const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const KIND = /^[a-z][a-z0-9-]{0,31}$/
/** 160 random bits: too many to guess, so a fast hash keeps them (RFC 6749 section 10.10). */
const TOKEN_BYTES = 20
export const TOKEN_PREFIX = 'kd_'

export interface DeviceRecord extends Device {
  readonly createdAtMs: number
  readonly isDisabled: boolean
}

export interface NewDevice {
  readonly id: string
  readonly kind: string
  readonly groups?: readonly string[]
  /** Give an existing device a new token instead of refusing; it keeps its groups where none are named. */
  readonly replace?: boolean
}

/** How a device proves itself besides its token. */
export interface DeviceLogin {
  /** Argon2id; undefined: the device has a token and no password. */
  readonly passwordHash: string | undefined
  readonly scram: ScramKeys
}

export interface Registry {
  /**
   * Adds a device and makes its token, which is shown once and kept only as a hash.
   * Inside `store.commit`. Throws `device.invalid`, `device.exists`.
   */
  add(device: NewDevice, nowMs: number): { readonly device: Device; readonly token: string }
  /**
   * Adds a device that logs in by password and has no token. Inside `store.commit`. Throws
   * `device.invalid`, `device.exists`.
   */
  addWithPassword(device: NewDevice, login: DeviceLogin, nowMs: number): Device
  /** Another kind or other groups. Inside `store.commit`. Throws `device.unknown`, `device.invalid`. */
  update(id: string, change: { kind?: string; groups?: readonly string[] }): Device
  get(id: string): DeviceRecord | undefined
  login(id: string): DeviceLogin | undefined
  /** Whether anybody logs in by password. */
  hasPasswords(): boolean
  list(): readonly DeviceRecord[]
  /** Those that are switched on. */
  listOfKind(kind: string): readonly DeviceRecord[]
  /** Inside `store.commit`. Throws `device.unknown`. */
  setDisabled(id: string, isDisabled: boolean, nowMs: number): void
  /** With all that other rooms keep of it. Inside `store.commit`. Throws `device.unknown`. */
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
  generation: number
}

interface LoginRow {
  password_hash: string | null
  salt: Buffer
  iterations: number
  stored_key: Buffer
  server_key: Buffer
}

/** Each call for staff asks for theirs; a test holds it to the index. */
const DEVICES = `SELECT device.*, coalesce(generation, 0) AS generation
  FROM device LEFT JOIN device_generation ON device_id = id`
export const OF_KIND_SQL = `${DEVICES} WHERE kind = ? AND disabled_at IS NULL ORDER BY id`

const hashOf = (token: string): Buffer => hash('sha256', token, 'buffer')

const recordOf = (row: Row): DeviceRecord => ({
  id: row.id,
  kind: row.kind,
  groups: JSON.parse(row.groups) as string[],
  createdAtMs: row.created_at,
  isDisabled: row.disabled_at !== null,
  ...(row.generation > 0 ? { generation: row.generation } : {}),
})

/** What other rooms keep of a device, taken away in the transaction that changes it. */
export interface KeptElsewhere {
  /** Of one that is removed. */
  readonly ofRemoved?: readonly ((deviceId: string) => void)[]
  /** Of one that is given a new secret: it may be another box, which has told nothing yet. */
  readonly ofReplaced?: readonly ((deviceId: string) => void)[]
}

/** The registry in the file of `store`: SQL only, so that it works for a stopped gateway too. */
export function createRegistry(
  store: Store,
  { ofRemoved = [], ofReplaced = [] }: KeptElsewhere = {},
): Registry {
  const byId = store.prepare<Row>(`${DEVICES} WHERE id = ?`)
  const byToken = store.prepare<Row>(`${DEVICES} WHERE token_hash = ?`)
  const all = store.prepare<Row>(`${DEVICES} ORDER BY id`)
  const ofKind = store.prepare<Row>(OF_KIND_SQL)
  const insert = store.prepare(
    'INSERT INTO device (id, kind, groups, token_hash, created_at) VALUES (?, ?, ?, ?, ?)',
  )
  const replace = store.prepare(
    'UPDATE device SET kind = ?, groups = ?, token_hash = ?, disabled_at = NULL WHERE id = ?',
  )
  const disable = store.prepare('UPDATE device SET disabled_at = ? WHERE id = ?')
  const drop = store.prepare('DELETE FROM device WHERE id = ?')
  const change = store.prepare('UPDATE device SET kind = ?, groups = ? WHERE id = ?')
  const loginOf = store.prepare<LoginRow>('SELECT * FROM device_login WHERE device_id = ?')
  const putLogin = store.prepare('INSERT OR REPLACE INTO device_login VALUES (?, ?, ?, ?, ?, ?)')
  const dropLogin = store.prepare('DELETE FROM device_login WHERE device_id = ?')
  const nextGeneration = store.prepare(
    `INSERT INTO device_generation VALUES (?, 1)
     ON CONFLICT (device_id) DO UPDATE SET generation = generation + 1`,
  )
  const anyPassword = store.prepare(
    'SELECT 1 FROM device_login WHERE password_hash NOT NULL LIMIT 1',
  )

  function mustExist(changes: number, id: string): void {
    if (changes === 0) throw new GatewayError('device.unknown', { detail: id })
  }

  function put(device: NewDevice, token: string, login: DeviceLogin, nowMs: number): Device {
    const { id, kind, replace: isReplaced = false } = device
    const before = byId.get(id)
    if (before && !isReplaced) throw new GatewayError('device.exists', { detail: id })
    const groups = device.groups ?? (before ? recordOf(before).groups : [])
    checkNew(id, kind, groups)
    if (before) {
      replace.run(kind, JSON.stringify(groups), hashOf(token), id)
      nextGeneration.run(id)
      for (const forget of ofReplaced) forget(id)
    } else insert.run(id, kind, JSON.stringify(groups), hashOf(token), nowMs)
    const { salt, iterations, storedKey, serverKey } = login.scram
    putLogin.run(id, login.passwordHash ?? null, salt, iterations, storedKey, serverKey)
    const { generation } = byId.get(id) ?? {}
    return { id, kind, groups, ...(generation ? { generation } : {}) }
  }

  return {
    add(device, nowMs) {
      const token = newToken()
      const login = { passwordHash: undefined, scram: scramKeysOfToken(token) }
      return { device: put(device, token, login, nowMs), token }
    },
    // Its token is nobody's: made, hashed and forgotten.
    addWithPassword: (device, login, nowMs) => put(device, newToken(), login, nowMs),
    update(id, { kind, groups }) {
      const row = byId.get(id)
      if (!row) throw new GatewayError('device.unknown', { detail: id })
      const now = recordOf(row)
      const { generation } = now
      const device = {
        id,
        kind: kind ?? now.kind,
        groups: groups ?? now.groups,
        ...(generation === undefined ? {} : { generation }),
      }
      checkNew(id, device.kind, device.groups)
      change.run(device.kind, JSON.stringify(device.groups), id)
      return device
    },
    login(id) {
      const row = loginOf.get(id)
      if (!row) return undefined
      const { salt, iterations, stored_key: storedKey, server_key: serverKey } = row
      return {
        passwordHash: row.password_hash ?? undefined,
        scram: { salt, iterations, storedKey, serverKey },
      }
    },
    hasPasswords: () => anyPassword.get() !== undefined,
    get: (id) => {
      const row = byId.get(id)
      return row && recordOf(row)
    },
    list: () => all.all().map(recordOf),
    listOfKind: (kind) => ofKind.all(kind).map(recordOf),
    setDisabled(id, isDisabled, nowMs) {
      mustExist(disable.run(isDisabled ? nowMs : null, id).changes, id)
    },
    remove(id) {
      mustExist(drop.run(id).changes, id)
      nextGeneration.run(id)
      dropLogin.run(id)
      for (const forget of ofRemoved) forget(id)
    },
    authenticate(token, id) {
      const shown = hashOf(token)
      const row = id === undefined ? byToken.get(shown) : byId.get(id)
      if (!row || !timingSafeEqual(row.token_hash, shown))
        return { ok: false, code: 'auth.refused' }
      if (row.disabled_at !== null) return { ok: false, code: 'auth.disabled' }
      return { ok: true, device: recordOf(row) }
    },
  }
}

const newToken = (): string => TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')

function checkNew(id: string, kind: string, groups: readonly string[]): void {
  if (!DEVICE_ID.test(id)) throw new GatewayError('device.invalid', { detail: `id "${id}"` })
  for (const word of [kind, ...groups]) {
    if (!KIND.test(word)) {
      throw new GatewayError('device.invalid', { detail: `kind or group "${word}"` })
    }
  }
}
