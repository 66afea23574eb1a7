/**
 * The keys of an entry that the core reads, of all that a leaf may carry:
 * `v` format, `lane`, `seq`, `kind`, `at` (ms), `dev` (device), `body` (in clear), `key` (number of the
 * data key that seals the rest). Anything else is kept as it came. An entry of another format version is stored, not read.
 */
import { packr } from './parse.ts'

export const READABLE_ENTRY_FORMAT = 1

export type EntryView = { readonly [key: string]: unknown }

export interface EntryHead {
  readonly lane: string
  readonly sequence: number
  readonly kind: string
  readonly atMs: number
  readonly deviceId: string | undefined
  readonly body: EntryView
  /** A pseudonym: who has the same is the same person, in the same month and class. */
  readonly keyId: number | undefined
}

export type ReadEntry =
  | { readonly kind: 'read'; readonly head: EntryHead }
  | { readonly kind: 'other-format' }
  | { readonly kind: 'not-msgpack' }

/** Never throws. */
export function readEntry(bytes: Uint8Array): ReadEntry {
  const map = decodeView(bytes)
  // A number under `v` is what makes a map an entry, of whatever format.
  if (typeof map?.v !== 'number') return { kind: 'not-msgpack' }
  if (map.v !== READABLE_ENTRY_FORMAT) return { kind: 'other-format' }
  const { lane, seq, kind, at, dev, body, key } = map
  if (typeof lane !== 'string' || typeof seq !== 'number' || typeof kind !== 'string') {
    return { kind: 'not-msgpack' }
  }
  return {
    kind: 'read',
    head: {
      lane,
      sequence: seq,
      kind,
      atMs: typeof at === 'number' && Number.isSafeInteger(Math.trunc(at)) ? Math.trunc(at) : 0,
      deviceId: typeof dev === 'string' ? dev : undefined,
      body: isView(body) ? body : {},
      keyId: Number.isSafeInteger(key) ? Number(key) : undefined,
    },
  }
}

/** Undefined when the bytes are not one MessagePack map. */
export function decodeView(bytes: Uint8Array): EntryView | undefined {
  try {
    const value: unknown = packr.decode(bytes)
    return isView(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isView(value: unknown): value is EntryView {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
