/** One WebSocket frame to one object and back, in the two encodings of the contract. */
export interface FrameCodec {
  encode(frame: Readonly<Record<string, unknown>>): string | Uint8Array<ArrayBuffer>
  /** Throws on anything that is not one object. */
  decode(data: unknown): Readonly<Record<string, unknown>>
}

/** MessagePack is loaded only where it is used: a page that speaks JSON does not fetch it. */
export async function frameCodec(encoding: 'json' | 'msgpack'): Promise<FrameCodec> {
  if (encoding === 'json') {
    return {
      encode: (frame) => JSON.stringify(frame),
      decode: (data) => asObject(JSON.parse(typeof data === 'string' ? data : readText(data))),
    }
  }
  const { Packr } = await import('msgpackr')
  // Plain MessagePack maps: records are an extension that firmware in C would not know.
  const packr = new Packr({ useRecords: false, variableMapSize: true })
  return {
    encode: (frame) => new Uint8Array(packr.pack(frame)),
    decode: (data) => asObject(packr.unpack(asBytes(data))),
  }
}

function asBytes(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (data instanceof Uint8Array) return data
  throw new TypeError('a binary frame was expected')
}

const readText = (data: unknown): string =>
  new TextDecoder('utf-8', { fatal: true }).decode(asBytes(data))

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('a frame is one object')
  return { ...value }
}
