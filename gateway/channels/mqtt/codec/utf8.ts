/**
 * Strict UTF-8 of MQTT 5.0 section 1.5.4: ill-formed sequences and U+0000 must be refused; control
 * characters and non-characters may be, and are, since no honest topic or id has one and logs and
 * terminals are safer without.
 */
import { isUtf8 } from 'node:buffer'

const DISALLOWED = /\p{Cc}|\p{Noncharacter_Code_Point}/u

/** With the `u` flag a surrogate matches only when it stands alone. */
const LONE_SURROGATE = /\p{Cs}/u
const EACH_DISALLOWED = /[\p{Cc}\p{Noncharacter_Code_Point}\p{Cs}]/gu

const DELETE = 0x7f
const SPACE = 0x20

/** The string in `buffer[start, end)`, or undefined when MQTT does not allow it. */
export function decodeUtf8(buffer: Buffer, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) {
    const byte = buffer[at] as number
    if (byte < SPACE || byte === DELETE) return undefined
    if (byte > DELETE) return decodeWide(buffer, start, end)
  }
  return buffer.toString('latin1', start, end)
}

function decodeWide(buffer: Buffer, start: number, end: number): string | undefined {
  if (!isUtf8(buffer.subarray(start, end))) return undefined
  const text = buffer.toString('utf8', start, end)
  return DISALLOWED.test(text) ? undefined : text
}

/** Whether a string of the house may be sent as an MQTT string. */
export const isAllowedText = (text: string): boolean =>
  !LONE_SURROGATE.test(text) && !DISALLOWED.test(text) && Buffer.byteLength(text) <= 0xffff

/** The text with a space for each character that MQTT does not allow here: no longer than it was. */
export const toAllowedText = (text: string): string => text.replace(EACH_DISALLOWED, ' ')
