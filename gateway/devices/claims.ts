/** Claim codes: how a device straight out of its box gets its credentials. */
import { createHash, randomInt } from 'node:crypto'
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import type { Registry } from './registry.ts'

/** Letters and digits that are not read as one another; 10 of them are 49 bits, and each is good once. */
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_CHARS = 10
/** Long enough to walk to the device, short enough not to lie about. */
export const CLAIM_TTL_MS = 60 * 60_000

export interface ClaimGrant {
  readonly kind: string
  readonly groups: readonly string[]
  /** A device that is there and gets a new secret by it: another box in its place, or a reply that was lost. */
  readonly deviceId?: string
}

export interface Enrolled {
  readonly deviceId: string
  readonly token: string
  readonly kind: string
}

export interface Claims {
  /** A new claim code for one device; inside `store.commit`. */
  make(grant: ClaimGrant, nowMs: number): string
  /**
   * Uses the code up and adds the device, or gives the one it was made for a new secret; inside `store.commit`.
   * Throws `enroll.claim-refused`, `device.exists`.
   */
  redeem(code: string, deviceId: string | undefined, nowMs: number): Enrolled
}

interface Row {
  kind: string
  groups: string
  expires_at: number
  device_id: string | null
}

/** Whatever stands between its halves, and in whichever case somebody types it. */
const NO_PART_OF_IT = new RegExp(`[^${ALPHABET}]`, 'g')
const hashOf = (code: string): Buffer =>
  createHash('sha256').update(code.toUpperCase().replace(NO_PART_OF_IT, '')).digest()

export function createClaims(store: Store, registry: Registry): Claims {
  const insert = store.prepare(
    'INSERT INTO claim (code_hash, kind, groups, expires_at, device_id) VALUES (?, ?, ?, ?, ?)',
  )
  const find = store.prepare<Row>(
    'SELECT kind, groups, expires_at, device_id FROM claim WHERE code_hash = ?',
  )
  const use = store.prepare('DELETE FROM claim WHERE code_hash = ?')
  const sweep = store.prepare('DELETE FROM claim WHERE expires_at < ?')
  const forget = createForgetClaims(store)

  /** As the device is now: what was removed, disabled or moved since the claim was made stays so. */
  function renew(id: string, asked: string | undefined, nowMs: number): Enrolled {
    const device = registry.get(id)
    if (asked !== undefined && asked !== id) {
      throw new GatewayError('enroll.claim-refused', { detail: `it is for the device "${id}"` })
    }
    if (!device || device.isDisabled) throw new GatewayError('enroll.claim-refused')
    const { kind, groups } = device
    const { token } = registry.add({ id, kind, groups, replace: true }, nowMs)
    forget(id)
    return { deviceId: id, token, kind }
  }

  return {
    make({ kind, groups, deviceId }, nowMs) {
      sweep.run(nowMs)
      const code = Array.from(
        { length: CODE_CHARS },
        () => ALPHABET[randomInt(ALPHABET.length)],
      ).join('')
      insert.run(hashOf(code), kind, JSON.stringify(groups), nowMs + CLAIM_TTL_MS, deviceId ?? null)
      return `${code.slice(0, 5)}-${code.slice(5)}`
    },
    redeem(code, deviceId, nowMs) {
      const row = find.get(hashOf(code))
      if (!row || row.expires_at < nowMs) throw new GatewayError('enroll.claim-refused')
      if (row.device_id !== null) return renew(row.device_id, deviceId, nowMs)
      const id = deviceId ?? `${row.kind}-${newId(nowMs).slice(-8)}`
      const groups = JSON.parse(row.groups) as string[]
      const { token } = registry.add({ id, kind: row.kind, groups }, nowMs)
      use.run(hashOf(code))
      return { deviceId: id, token, kind: row.kind }
    },
  }
}

/** Takes away the claims on a device's place. Inside `store.commit`. */
export function createForgetClaims(store: Store): (deviceId: string) => void {
  const drop = store.prepare('DELETE FROM claim WHERE device_id = ?')
  return (deviceId) => void drop.run(deviceId)
}
