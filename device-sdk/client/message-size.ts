import { MAX_MESSAGE_BYTES, type UpstreamName } from '../protocol/schemas.ts'
import { DeviceClientError } from './errors.ts'

/**
 * Bytes of a message as a JSON frame of the WebSocket, which is larger than its MQTT payload. Throws
 * `client.too-large`: the gateway would refuse it after each sending.
 */
export function messageBytes(name: UpstreamName, body: object): number {
  const { length } = new TextEncoder().encode(JSON.stringify({ ...body, type: name }))
  if (length <= MAX_MESSAGE_BYTES) return length
  throw new DeviceClientError('client.too-large', `${length} of ${MAX_MESSAGE_BYTES} bytes`)
}
