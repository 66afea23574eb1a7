/** Bytes from a device → a checked message, or the refusal that names what was wrong. */
import { isUtf8 } from 'node:buffer'
import {
  type Ask,
  isUpstreamName,
  MAX_MESSAGE_BYTES,
  UPSTREAM,
  type UpstreamName,
} from '@kefu-edge/device-sdk/protocol/schemas'
import type { Static, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { Unpackr } from 'msgpackr'
import { asGatewayError, GatewayError } from '../errors.ts'
import { invalidMessage } from '../schema-wording.ts'

/** Deepest nesting that is read; the contract itself needs 4. */
const MAX_DEPTH = 32

export type Encoding = 'json' | 'msgpack'

export type UpstreamMessage = {
  [N in UpstreamName]: { readonly name: N; readonly message: Static<(typeof UPSTREAM)[N]> }
}[UpstreamName]

// Compiled once per process: the checks run for every message.
const CHECKS = Object.fromEntries(
  Object.entries(UPSTREAM).map(([name, schema]) => [name, TypeCompiler.Compile<TSchema>(schema)]),
) as Record<UpstreamName, TypeCheck<TSchema>>

/** Firmware may write any integer in 64 bits: what fits into a number is one. The package's types lack this choice. */
const EXACT_AS_NUMBER = 'auto' as 'number'
const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: EXACT_AS_NUMBER,
})

/** A JSON or MessagePack map; throws `message.*`, which name the message where its id stands in front. */
export function decodeMap(bytes: Uint8Array, encoding: Encoding): Record<string, unknown> {
  try {
    return readMap(bytes, encoding)
  } catch (error) {
    throw asGatewayError(error).inReplyTo(idInFront(bytes, encoding))
  }
}

/** An id, also behind the name that a WebSocket frame may begin with. */
const ID_IN_FRONT = {
  json: /^\s*\{\s*(?:"type"\s*:\s*"\w*"\s*,\s*)?"id"\s*:\s*"([\x21\x23-\x5b\x5d-\x7e]{1,64})"/,
  msgpack:
    /^(?:[\x80-\x8f]|\xde..|\xdf.{4})(?:\xa4type[\xa0-\xbf]\w*)?\xa2id(?:[\xa1-\xbf]|\xd9.)([\x21-\x7e]{1,64})(?![\x21-\x7e])/s,
} as const
/** The two names, their values and what may stand between. */
const FRONT_BYTES = 160

/** Whoever sends what cannot be read sends it for ever, unless it is told which message that was. */
function idInFront(bytes: Uint8Array, encoding: Encoding): string | undefined {
  const front = Buffer.from(bytes.subarray(0, FRONT_BYTES)).toString('latin1')
  return ID_IN_FRONT[encoding].exec(front)?.[1]
}

function readMap(bytes: Uint8Array, encoding: Encoding): Record<string, unknown> {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new GatewayError('message.too-large', {
      detail: `${bytes.length} bytes, at most ${MAX_MESSAGE_BYTES} are read`,
    })
  }
  const value = encoding === 'json' ? decodeJson(bytes) : decodeMsgpack(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GatewayError('message.invalid', {
      field: '',
      detail: 'a map with named fields is expected',
    })
  }
  return value as Record<string, unknown>
}

function decodeJson(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) throw new GatewayError('message.not-utf8')
  refuseDeep(bytes)
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
  } catch (cause) {
    throw new GatewayError('message.not-json', {
      detail: cause instanceof Error ? cause.message : '',
      cause,
    })
  }
}

const [QUOTE, BACKSLASH, OPEN_MAP, OPEN_LIST, CLOSE_MAP, CLOSE_LIST] = [34, 92, 123, 91, 125, 93]

/** Looks at brackets outside strings before parsing, so that depth costs nothing. */
function refuseDeep(bytes: Uint8Array): void {
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++
    } else if (byte === OPEN_MAP || byte === OPEN_LIST) {
      if (++depth > MAX_DEPTH) throw tooDeep()
    } else if (byte === CLOSE_MAP || byte === CLOSE_LIST) depth--
  }
}

const tooDeep = () =>
  new GatewayError('message.too-deep', { detail: `more than ${MAX_DEPTH} levels` })

function decodeMsgpack(bytes: Uint8Array): unknown {
  let value: unknown
  try {
    value = unpackr.unpack(bytes)
  } catch (cause) {
    if (cause instanceof RangeError && /call stack/i.test(cause.message)) throw tooDeep()
    throw new GatewayError('message.not-msgpack', { cause })
  }
  const path = bigIntegerIn(value, MAX_DEPTH)
  if (path !== undefined) {
    throw new GatewayError('message.invalid', {
      field: path,
      detail: `${path}: an integer beyond ±2^53 would not be kept exactly, send it as text`,
      ...repliesTo(value),
    })
  }
  return value
}

/** Where an integer is that JSON, which records and twins are kept in, cannot hold. Throws `message.too-deep`. */
function bigIntegerIn(value: unknown, left: number): string | undefined {
  if (typeof value === 'bigint') return ''
  if (typeof value !== 'object' || value === null) return undefined
  if (left === 0) throw tooDeep()
  for (const [name, inner] of Object.entries(value)) {
    const path = bigIntegerIn(inner, left - 1)
    if (path !== undefined) return `/${name}${path}`
  }
  return undefined
}

function repliesTo(value: unknown): { readonly inReplyTo?: string } {
  const { id } = Object(value) as { id?: unknown }
  return typeof id === 'string' && id.length <= 64 ? { inReplyTo: id } : {}
}

/** Checks a decoded map against the schema of its name; throws `message.unknown-type`, `.invalid`, `.not-served`. */
export function checkMessage(name: string, value: Record<string, unknown>): UpstreamMessage {
  if (!isUpstreamName(name)) throw new GatewayError('message.unknown-type', { detail: `"${name}"` })
  const check = CHECKS[name]
  if (!check.Check(value)) {
    throw invalidMessage(check.Errors(value).First(), { what: 'message', ...repliesTo(value) })
  }
  if (name === 'ask') refuseUnserved(value as Ask)
  return { name, message: value } as UpstreamMessage
}

/** An answer to what nothing reads would be an acknowledgement of what is dropped. */
function refuseUnserved({ id: inReplyTo, text, alternatives, form, attachments }: Ask): void {
  const unserved = form ? '/form' : attachments?.length ? '/attachments' : undefined
  if (unserved) {
    throw new GatewayError('message.not-served', { field: unserved, detail: unserved, inReplyTo })
  }
  if (text !== undefined || alternatives) return
  const detail = '/text: one of text or alternatives is needed'
  throw new GatewayError('message.invalid', { field: '/text', detail, inReplyTo })
}

/** Bytes → checked message of this name. Throws `message.*`. */
export const parseMessage = (
  name: string,
  bytes: Uint8Array,
  encoding: Encoding,
): UpstreamMessage => checkMessage(name, decodeMap(bytes, encoding))
