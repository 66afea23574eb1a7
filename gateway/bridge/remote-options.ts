/** How a bridge introduces itself to the other broker, and when it tries again. */
import type { IClientOptions, ISubscriptionMap } from 'mqtt'
import type { BridgeConfig } from './bridge-schema.ts'

/** First wait before the next attempt; doubles up to the longest, with a spread so that a site's boxes do not come at once. */
export const RETRY_MS = 1000
const MAX_RETRY_MS = 30_000
const RETRY_SPREAD = 0.3
const CONNECT_TIMEOUT_MS = 10_000
/** What the other broker keeps for us while we are away, and how long. */
const SESSION_EXPIRY_SECONDS = 7 * 24 * 3600
/** Messages from the other broker on their way at once. */
const RECEIVE_MAXIMUM = 100

export interface Introduction {
  readonly options: BridgeConfig
  readonly clientId: string
  readonly password?: string | undefined
}

/** A kept session: what the other broker has for us waits for us. */
export function introductionOf({ options, clientId, password }: Introduction): IClientOptions {
  const { protocolVersion, username, keepAliveSeconds } = options
  const properties = {
    sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
    receiveMaximum: RECEIVE_MAXIMUM,
  }
  return {
    protocolVersion,
    clientId,
    clean: false,
    keepalive: keepAliveSeconds,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: RETRY_MS,
    resubscribe: false,
    queueQoSZero: false,
    reconnectOnConnackError: true,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(protocolVersion === 5 ? { properties } : {}),
  }
}

/** Messages under way to the other broker; 20 is what Mosquitto takes from a client at once. */
const MAX_INFLIGHT = 50
const MAX_INFLIGHT_UNSAID = 20

/** `receiveMaximum`: as the other broker said it in its CONNACK. */
export const mostUnderWay = (isVersion5: boolean, receiveMaximum: number | undefined): number =>
  isVersion5 ? Math.min(MAX_INFLIGHT, receiveMaximum ?? MAX_INFLIGHT) : MAX_INFLIGHT_UNSAID

/** What is fetched. Our own messages do not come back, and retained ones only to a new subscription. */
export function subscriptionsOf(options: BridgeConfig): ISubscriptionMap {
  const mqtt5 = options.protocolVersion === 5 ? ({ nl: true, rap: true, rh: 1 } as const) : {}
  return Object.fromEntries(options.in.map(({ filter, qos }) => [filter, { qos, ...mqtt5 }]))
}

/** After so many failures in a row; `random` is between 0 and 1. */
export function retryMsAfter(failures: number, random: number): number {
  const waitMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(failures, 10))
  return Math.round(waitMs * (1 + RETRY_SPREAD * random))
}
