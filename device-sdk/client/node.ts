/** The package in Node: the same as in a browser, and a queue in a file. */

import type { Credentials, EnrollRequest } from '../protocol/schemas.ts'
import type { DeviceClient, DeviceClientOptions } from './api.ts'
import { chooseLink } from './choose-link.ts'
import { deviceClientOn } from './device-client.ts'
import { enrollOver } from './enroll.ts'
import type { TlsOptions } from './link.ts'
import { nodePost } from './node-post.ts'
import type { OpenSocket } from './websocket-link.ts'

export type * from '../protocol/schemas.ts'
export type * from './api.ts'
export type { ConnectionState } from './connection.ts'
export { DeviceClientError, ProblemError } from './errors.ts'
export { fileQueueStore } from './file-queue-store.ts'
export { memoryQueueStore, type QueueLimits, type QueueStore } from './queue-store.ts'
export { createSpeechPlayer } from './speech-player.ts'

/** Node 20 has no WebSocket of its own, and none of Node's takes the authority of a private network. */
const openSocket: OpenSocket = async (url, protocol, tls) => {
  const { WebSocket } = await import('ws')
  return new WebSocket(url, protocol, { ...tls })
}

/**
 * A client that connects at once and stays connected.
 * Throws `client.bad-url` or `client.invalid` when the options cannot work.
 */
export const createDeviceClient = (options: DeviceClientOptions): DeviceClient =>
  deviceClientOn(chooseLink(options, openSocket), options)

/**
 * Exchanges a claim code for the device's credentials; keep them, a claim is good once.
 *
 * `gateway` is the HTTP address, such as `http://192.168.1.20:8080`. Throws ProblemError
 * (`enroll.claim-refused`, `device.exists` …) or `client.link-failed`: then the claim may be used up, and
 * the operator makes one for this device (`kefu-edge device claim --device ID`).
 */
export const enroll = (
  gateway: string,
  request: EnrollRequest,
  { tls }: { readonly tls?: TlsOptions } = {},
): Promise<Credentials> => enrollOver(nodePost(tls), gateway, request)
