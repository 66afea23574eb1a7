/** Values as they stand in rows. */
import { PacketType, type Properties } from './codec/packets.ts'
import { readPropertyBytes } from './codec/properties.ts'

/** Millisecond times are whole in the store. */
export const finiteOrNull = (value: number): number | null =>
  Number.isFinite(value) ? Math.ceil(value) : null

export const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const toProperties = (bytes: Uint8Array | null): Properties | undefined =>
  bytes === null ? undefined : readPropertyBytes(toBuffer(bytes), PacketType.publish)
