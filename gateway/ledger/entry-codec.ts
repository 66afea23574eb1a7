/**
 * The bytes of an entry: one MessagePack map, self-contained (no shared structures), and the leaf of
 * the Merkle tree as it stands. DESIGN.md has the table of its keys.
 */
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { Packr } from 'msgpackr'
import { GatewayError } from '../errors.ts'
import {
  type DataClass,
  type Json,
  LANES,
  type Lane,
  type LedgerEntry,
  type TimeDoubt,
} from './port.ts'
import { ENTRY_MAX_BYTES } from './tlog/tiles.ts'

export const ENTRY_FORMAT = 1

/** What stands in the leaf; `sealed` is nonce ‖ ciphertext ‖ tag of `SealedPart`. */
export interface Leaf {
  readonly v: typeof ENTRY_FORMAT
  readonly lane: Lane
  readonly seq: number
  readonly kind: string
  readonly at: number
  readonly dev?: string
  /** The ask id, or device and ask id where the device is not `dev`. */
  readonly ask?: string | readonly [string, string]
  readonly body: { readonly [key: string]: Json | undefined }
  readonly cls?: DataClass
  readonly key?: number
  readonly sealed?: Uint8Array
  readonly doubt?: TimeDoubt
}

export interface SealedPart {
  readonly subject?: Subject
  readonly personal: { readonly [key: string]: Json | undefined }
}

const packr = new Packr({ useRecords: false, variableMapSize: true })

/** Throws `ledger.entry-too-large` above 65,535 bytes (the length prefix of an entry bundle). */
export function encodeLeaf(leaf: Leaf): Buffer {
  const bytes = packr.encode(leaf)
  if (bytes.length > ENTRY_MAX_BYTES) {
    throw new GatewayError('ledger.entry-too-large', {
      detail: `${leaf.kind}, ${bytes.length} bytes`,
    })
  }
  return bytes
}

/** Undefined when the bytes are not an entry of this format. */
export function decodeLeaf(bytes: Uint8Array): Leaf | undefined {
  const value = decodeMap(bytes)
  if (value?.v !== ENTRY_FORMAT) return undefined
  const isEntry =
    LANES.includes(value.lane as Lane) &&
    Number.isSafeInteger(value.seq) &&
    typeof value.kind === 'string' &&
    typeof value.at === 'number' &&
    isMap(value.body) &&
    (value.key === undefined || Number.isSafeInteger(value.key)) &&
    (value.sealed === undefined || value.sealed instanceof Uint8Array)
  return isEntry ? (value as unknown as Leaf) : undefined
}

export function encodeSealed(part: SealedPart): Buffer {
  return packr.encode(part)
}

export function encodeMap(map: { readonly [key: string]: Json | undefined }): Buffer {
  return packr.encode(withoutUndefined(map))
}

export function decodeSealed(bytes: Uint8Array): SealedPart | undefined {
  const value = decodeMap(bytes)
  return isMap(value?.personal) ? (value as unknown as SealedPart) : undefined
}

/** An entry as its readers see it, from its leaf and the opened part. */
export function toEntry(index: number, leaf: Leaf, plain: Uint8Array | undefined): LedgerEntry {
  const part = plain && decodeSealed(plain)
  const ask = askKeyOf(leaf)
  return {
    index,
    sequence: leaf.seq,
    lane: leaf.lane,
    kind: leaf.kind,
    atMs: leaf.at,
    body: leaf.body,
    ...(leaf.dev === undefined ? {} : { deviceId: leaf.dev }),
    ...(ask ? { askKey: ask } : {}),
    ...(leaf.cls ? { dataClass: leaf.cls } : {}),
    ...(leaf.key === undefined ? {} : { keyId: leaf.key }),
    ...(leaf.doubt ? { timeDoubt: leaf.doubt } : {}),
    ...(part?.subject ? { subject: part.subject } : {}),
    ...(part ? { personal: part.personal } : {}),
  }
}

export function askKeyOf(leaf: Leaf): { deviceId: string; askId: string } | undefined {
  if (leaf.ask === undefined) return undefined
  if (typeof leaf.ask === 'string') return { deviceId: leaf.dev ?? '', askId: leaf.ask }
  return { deviceId: leaf.ask[0], askId: leaf.ask[1] }
}

/**
 * The same value without members that are undefined, which MessagePack would write as an extension.
 * Returns the value itself where there is nothing to drop, as nearly always.
 */
export function withoutUndefined<T extends Json | undefined>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value as readonly Json[]
    return (
      items.some((item) => withoutUndefined(item) !== item) ? items.map(withoutUndefined) : value
    ) as T
  }
  const map = value as { readonly [key: string]: Json | undefined }
  for (const key in map) {
    const member = map[key]
    if (member === undefined || withoutUndefined(member) !== member) return copyDefined(map) as T
  }
  return value
}

function copyDefined(map: { readonly [key: string]: Json | undefined }): Json {
  const copy: { [key: string]: Json } = {}
  for (const [key, member] of Object.entries(map)) {
    if (member !== undefined) copy[key] = withoutUndefined(member)
  }
  return copy
}

function decodeMap(bytes: Uint8Array): { [key: string]: unknown } | undefined {
  try {
    const value: unknown = packr.decode(bytes)
    return isMap(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isMap(value: unknown): value is { [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
