/** Encoders of MQTT's data types (MQTT 5 section 1.5), free of any check so that tests can break every rule. */

/** One byte. */
export function u8(value: number): Buffer {
  return Buffer.from([value & 0xff])
}

/** Two Byte Integer, big-endian. */
export function u16(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff])
}

/** Four Byte Integer, big-endian. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Variable Byte Integer in its shortest form, 0 to 268,435,455. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    const digit = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? digit | 0x80 : digit)
  } while (rest > 0)
  return Buffer.from(bytes)
}

/** Binary Data: two bytes of length, then the bytes. */
export function binary(value: Uint8Array): Buffer {
  return Buffer.concat([u16(value.length), value])
}

/** UTF-8 Encoded String; a Buffer is taken as it is, so ill-formed UTF-8 can be sent. */
export function text(value: string | Uint8Array): Buffer {
  return binary(typeof value === 'string' ? Buffer.from(value, 'utf8') : value)
}

/** A whole control packet: first byte, true Remaining Length, body. */
export function frame(firstByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([u8(firstByte), varint(body.length), body])
}

/** Bytes from hexadecimal digits, blanks ignored. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(/\s+/g, ''), 'hex')
}
