/** The package in a browser: no Node modules anywhere below. */

import type { DeviceClient, DeviceClientOptions } from './api.ts'
import { chooseLink } from './choose-link.ts'
import { deviceClientOn } from './device-client.ts'
import type { OpenSocket, WebSocketLike } from './websocket-link.ts'

export type * from '../protocol/schemas.ts'
export type * from './api.ts'
export type { ConnectionState } from './connection.ts'
export { enroll } from './enroll.ts'
export { DeviceClientError, ProblemError } from './errors.ts'
export { localStorageQueueStore } from './local-storage-queue-store.ts'
export { memoryQueueStore, type QueueLimits, type QueueStore } from './queue-store.ts'
export { createSpeechPlayer } from './speech-player.ts'

const openSocket: OpenSocket = async (url, protocol) =>
  new WebSocket(url, protocol) satisfies WebSocketLike

/**
 * A client that connects at once and stays connected.
 * Throws `client.bad-url` or `client.invalid` when the options cannot work.
 */
export const createDeviceClient = (options: DeviceClientOptions): DeviceClient =>
  deviceClientOn(chooseLink(options, openSocket), options)
