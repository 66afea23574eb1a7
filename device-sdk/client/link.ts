/**
 * The port between the client and a transport: one connection, from open to close.
 *
 * A link does not reconnect and keeps nothing: the client does, the same way for every transport.
 */
import type {
  Answer,
  DownstreamName,
  GatewayTime,
  Presence,
  Problem,
  Speech,
  TwinState,
  UpstreamName,
} from '../protocol/schemas.ts'
import { type Clock, monotonicMs } from './clock.ts'

export type Downstream =
  | { readonly name: 'answer'; readonly message: Answer }
  | { readonly name: 'speech'; readonly message: Speech }
  | { readonly name: 'desired'; readonly message: TwinState }
  | { readonly name: 'presence'; readonly message: Presence }
  | { readonly name: 'time'; readonly message: GatewayTime }
  | { readonly name: 'problem'; readonly message: Problem }

export interface Upstream {
  readonly name: UpstreamName
  /** Absent only for `reported`, which is a state and not a message. */
  readonly id?: string
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * `kept`: the gateway has it on disk. `written`: it left, and nothing more will be known.
 * `refused`: the gateway said no; a Problem tells more.
 */
export type Delivery =
  | { readonly kind: 'kept' }
  | { readonly kind: 'written' }
  | { readonly kind: 'refused'; readonly passing: boolean; readonly reason: string }

export interface LinkHandlers {
  /**
   * Also called while the link is being opened. The gateway's time, where the transport tells it then, comes
   * first: what waited for the device follows at once, and is judged by it.
   */
  onMessage(message: Downstream): void
  /** Called once, when the link is gone for whatever reason (also after `close`). */
  onClose(reason: string): void
}

/** What the gateway's clock showed, and what the device's monotonic one did at that moment. */
export interface ToldTime {
  readonly gatewayMs: number
  readonly atMs: number
}

export interface LinkInfo {
  /** For people: `mqtt 5`, `mqtt 3.1.1`, `websocket json` … */
  readonly transport: string
}

export interface Link {
  readonly info: LinkInfo
  /** Rejects when the link is lost before the outcome is known: send again, with the same id. */
  send(message: Upstream): Promise<Delivery>
  /** Says goodbye and closes. */
  close(): Promise<void>
  /** Drops the connection without a goodbye, as a power cut would. */
  destroy(): void
}

/** Opens one connection; resolves when messages can be sent. Throws DeviceClientError or ProblemError. */
export type OpenLink = (handlers: LinkHandlers) => Promise<Link>

export interface TlsOptions {
  /** PEM of the authority that signed the gateway's certificate. Node only; browsers use their own store. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface LinkOptions {
  readonly url: URL
  readonly deviceId: string
  readonly token: string
  readonly connectTimeoutMs: number
  readonly encoding: 'json' | 'msgpack'
  readonly tls?: TlsOptions
  readonly clock: Clock
}

/** A time that the gateway has just told; undefined where it told none. */
export function toldNow(
  gatewayTime: unknown,
  clock: Pick<Clock, 'now' | 'monotonic'>,
): ToldTime | undefined {
  const gatewayMs = Date.parse(String(gatewayTime))
  return Number.isFinite(gatewayMs) ? { gatewayMs, atMs: monotonicMs(clock) } : undefined
}

export type { DownstreamName }
