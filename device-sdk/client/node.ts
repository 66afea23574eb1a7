/** The package in Node: the same as in a browser, and a queue in a file. */

import type { DeviceClient, DeviceClientOptions } from './api.ts'
import { chooseLink } from './choose-link.ts'
import { deviceClientOn } from './device-client.ts'
import type { OpenSocket } from './websocket-link.ts'

export type * from '../protocol/schemas.ts'
export type * from './api.ts'
export type { ConnectionState } from './connection.ts'
export { enroll } from './enroll.ts'
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
