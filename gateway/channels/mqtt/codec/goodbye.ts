/** Looks for a DISCONNECT, or any packet, in bytes that nobody handles any more. */
import { PacketType } from './packets.ts'

/**
 * The first DISCONNECT in bytes that begin with a packet, header included; undefined where there is none, or
 * where they cannot be read as far as one.
 */
export function findDisconnect(bytes: Buffer): Buffer | undefined {
  for (let at = 0; at < bytes.length; ) {
    const end = packetEnd(bytes, at)
    if (end > bytes.length) return undefined
    if ((bytes[at] as number) >> 4 === PacketType.disconnect) return bytes.subarray(at, end)
    at = end
  }
  return undefined
}

/** Whether bytes that begin with a packet hold the whole of it. */
export const holdsPacket = (bytes: Buffer): boolean => packetEnd(bytes, 0) <= bytes.length

/** Where the packet that begins at `from` ends; infinite where its length cannot be read. */
function packetEnd(bytes: Buffer, from: number): number {
  let length = 0
  for (let at = from + 1, shift = 0; shift <= 21; at++, shift += 7) {
    const byte = bytes[at]
    if (byte === undefined) break
    length |= (byte & 0x7f) << shift
    if ((byte & 0x80) === 0) return at + 1 + length
  }
  return Number.POSITIVE_INFINITY
}
