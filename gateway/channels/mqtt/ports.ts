/** What the MQTT engine is given and what it hands on: the seams to the rest of the house. */
import type { CertificateFault, PeerCertificate, Transport } from './byte-connection.ts'
import type { Properties, ProtocolVersion, Qos, UserProperty } from './codec/packets.ts'

/** Who a connection is, as `authenticate` found out. */
export interface MqttPrincipal {
  readonly id: string
}

export interface MqttCredentials {
  /** Empty where the client brought none: it is given one once it is known who it is. */
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Buffer | undefined
  readonly certificate: PeerCertificate | undefined
  /** Where its certificate does not count: a token does all the same. */
  readonly certificateFault?: CertificateFault | undefined
  readonly protocolVersion: ProtocolVersion
  readonly remoteAddress: string
  readonly transport: Transport
}

export type AuthenticateResult<P extends MqttPrincipal> =
  | { readonly ok: true; readonly principal: P }
  | {
      readonly ok: false
      /** MQTT 5 reason code: 0x86 bad user name or password, 0x87 not authorized, 0x8a banned … */
      readonly reasonCode: number
      /** For the client: plain words. */
      readonly reason: string
      /** For the log: a code of `gateway/errors.ts`. */
      readonly logCode?: string
    }

export type AuthorizeAction = 'publish' | 'subscribe' | 'receive'

export type AuthorizeResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reasonCode: number; readonly reason: string }

/** A message to the box itself. */
export interface DeviceMessage<P extends MqttPrincipal> {
  readonly clientId: string
  readonly device: P
  readonly topic: string
  /** Valid during the call; copy it to keep it longer than the returned promise. */
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly protocolVersion: ProtocolVersion
  readonly properties: Properties | undefined
}

/** How the box took a message; the acknowledgement carries it to MQTT 5 clients. */
export interface DeviceMessageOutcome {
  /** 0x00 taken; 0x80 and above: refused, e.g. 0x83, 0x87, 0x97, 0x99. */
  readonly reasonCode: number
  readonly reason?: string
}

export interface PresenceChange<P extends MqttPrincipal> {
  readonly clientId: string
  readonly device: P
  readonly online: boolean
  readonly atMs: number
  /** Plain words: why the connection ended. */
  readonly reason: string | undefined
}

/**
 * What a client listens to: SUBSCRIBE has been answered, or UNSUBSCRIBE, it came back to a session that is kept, or
 * it has gone, which may be long before its connection ends (`farewell.ts`).
 */
export interface SubscriptionsChange<P extends MqttPrincipal> {
  readonly clientId: string
  readonly device: P
  /** Filters asked for now; none but after SUBSCRIBE. */
  readonly added: readonly string[]
  /** All that it hears by from here on. */
  readonly filters: readonly string[]
}

/** A publish that was refused before it reached anybody. 3.1.1 clients learn of it only by what the house sends them. */
export interface RefusedPublish<P extends MqttPrincipal> {
  readonly clientId: string
  readonly device: P
  readonly topic: string
  readonly reasonCode: number
  readonly reason: string
  readonly protocolVersion: ProtocolVersion
}

/** A step of an enhanced authentication exchange (MQTT 5.0 section 4.12). */
export type AuthStep<P extends MqttPrincipal> =
  | { readonly kind: 'continue'; readonly data: Buffer }
  | { readonly kind: 'done'; readonly principal: P; readonly data?: Buffer }
  | { readonly kind: 'refused'; readonly reasonCode: number; readonly reason: string }

export interface AuthExchange<P extends MqttPrincipal> {
  /** Who the client says it is, for its failed logins, once it has said so; until then what CONNECT says counts. */
  readonly loginName: string | undefined
  /** One message of the client; the first may be empty. */
  next(data: Buffer): Promise<AuthStep<P>> | AuthStep<P>
}

export interface AuthMethod<P extends MqttPrincipal> {
  /** As clients name it, e.g. SCRAM-SHA-256. */
  readonly name: string
  start(clientId: string): AuthExchange<P>
}

/** What the house decides for the engine, and what it is told. */
export interface HousePolicy<P extends MqttPrincipal> {
  /** Who is it? May take its time; the connection waits. */
  authenticate(credentials: MqttCredentials): Promise<AuthenticateResult<P>> | AuthenticateResult<P>
  /** May it? Remembered until `permissionsChanged`. For `subscribe`, `topic` is a filter. */
  authorize(principal: P, action: AuthorizeAction, topic: string): AuthorizeResult
  /** A client id for a client that brought none, now that it is known who it is. */
  createClientId(principal: P): string
  /** Enhanced authentication methods of MQTT 5. */
  readonly authMethods: readonly AuthMethod<P>[]
  /** Whether messages of this topic are for the box itself. */
  isDeviceMessageTopic(topic: string): boolean
  /**
   * Whether a client's message of this topic may be kept for those who subscribe later.
   * Where not, its RETAIN is dropped: whoever hears it now is told as of any other.
   */
  mayRetain(topic: string): boolean
  /** Takes a message to the box; its acknowledgement leaves once the outcome is known. */
  onDeviceMessage(message: DeviceMessage<P>): Promise<DeviceMessageOutcome> | DeviceMessageOutcome
  /**
   * Who a client is that has not been seen since the restart, so that its will can be taken.
   * Undefined: nobody known, and its will on a topic of the box is lost.
   */
  principalOf(clientId: string): P | undefined
  onPresence(change: PresenceChange<P>): void
  onSubscriptions(change: SubscriptionsChange<P>): void
  onRefusedPublish(refused: RefusedPublish<P>): void
  /** Topic prefix an MQTT 5 client may use for responses, when it asks. */
  responseInformation(principal: P): string | undefined
  /** What CONNACK tells an MQTT 5 client beside, as user properties. */
  greeting(): readonly UserProperty[]
}

export interface MqttClock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number
  /** Milliseconds that no setting of the wall clock changes; without it the wall clock is trusted. */
  monotonicMs?(): number
  /** What of the wall clock is known and proven (`ledger/time-floor.ts`); without it all of it. */
  readonly time?: {
    provenMs(): number
    reading(): { readonly nowMs: number; readonly isKnown: boolean }
  }
}

export interface MqttLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
