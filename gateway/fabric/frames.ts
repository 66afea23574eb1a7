/** What boxes of a site say to each other: MessagePack, sealed, numbered by its sender. */
import { PlayReport, type Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Packr } from 'msgpackr'
import type { Properties, Qos } from '../channels/mqtt/codec/packets.ts'
import type { SiteSeal } from './site-seal.ts'

const PLACE = 'frame'

/** A message of the broker on its way to other boxes. */
export interface CrossingMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties?: Properties
}

/** A device at a box: its id, and since when in that box's time. */
export type DeviceHere = readonly [deviceId: string, sinceMs: number]

export type Frame =
  /** `stamp` of a retained message: of two for one topic the greater one stays. */
  | { readonly kind: 'message'; readonly message: CrossingMessage; readonly stamp?: Buffer }
  /** Devices connected at the sender. `isNew`: just now, so whoever else has them lets them go. */
  | { readonly kind: 'here'; readonly devices: readonly DeviceHere[]; readonly isNew: boolean }
  | { readonly kind: 'left'; readonly deviceId: string }
  /** The device has subscribed at the sender: what others still have for it may come. `seen`: last number by box. */
  | {
      readonly kind: 'ready'
      readonly deviceId: string
      readonly seen: Readonly<Record<string, number>>
    }
  /** A message that waited for a device at the sender, for box `to`. */
  | {
      readonly kind: 'hand'
      readonly to: string
      readonly ref: number
      readonly message: CrossingMessage
    }
  /** It is kept at the device's new box. */
  | { readonly kind: 'handed'; readonly to: string; readonly ref: number }
  /** Proof of play, for the box whose speech it was. */
  | { readonly kind: 'played'; readonly deviceId: string; readonly report: PlayReport }
  /** A person's data are erased; the same `id` is the same erasure, told again. */
  | { readonly kind: 'forget'; readonly subject: Subject; readonly id?: string }
  /** Alive; `isHello`: just come, and wants to know who is where. */
  | { readonly kind: 'beat'; readonly isHello: boolean }

export interface Envelope {
  readonly box: string
  /** The sender's run: its numbers begin anew, and of two runs the greater one is the later. */
  readonly run: number
  readonly number: number
  readonly frame: Frame
}

const Message = Type.Object({
  topic: Type.String({ minLength: 1 }),
  payload: Type.Uint8Array(),
  qos: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)]),
  retain: Type.Boolean(),
  properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})
const kind = <K extends string>(name: K) => Type.Literal(name)
const Device = Type.String({ minLength: 1 })
const EnvelopeSchema = Type.Object({
  box: Type.String({ minLength: 1 }),
  run: Type.Number(),
  number: Type.Integer({ minimum: 1 }),
  frame: Type.Union([
    Type.Object({
      kind: kind('message'),
      message: Message,
      stamp: Type.Optional(Type.Uint8Array()),
    }),
    Type.Object({
      kind: kind('here'),
      devices: Type.Array(Type.Tuple([Device, Type.Number()])),
      isNew: Type.Boolean(),
    }),
    Type.Object({ kind: kind('left'), deviceId: Device }),
    Type.Object({
      kind: kind('ready'),
      deviceId: Device,
      seen: Type.Record(Type.String(), Type.Number()),
    }),
    Type.Object({ kind: kind('hand'), to: Type.String(), ref: Type.Integer(), message: Message }),
    Type.Object({ kind: kind('handed'), to: Type.String(), ref: Type.Integer() }),
    Type.Object({ kind: kind('played'), deviceId: Device, report: PlayReport }),
    Type.Object({
      kind: kind('forget'),
      subject: Type.Object({ id: Type.String(), kind: Type.String() }),
      id: Type.Optional(Type.String()),
    }),
    Type.Object({ kind: kind('beat'), isHello: Type.Boolean() }),
  ]),
})
const check = TypeCompiler.Compile(EnvelopeSchema)
const checkKept = TypeCompiler.Compile(
  Type.Composite([Message, Type.Object({ untilMs: Type.Optional(Type.Number()) })]),
)
type Checked = Static<typeof EnvelopeSchema>

const packr = new Packr({ useRecords: false })

export const encodeFrame = (envelope: Envelope, seal: SiteSeal): Buffer =>
  seal.seal(packr.pack(envelope), PLACE)

/** Undefined: not of this site, or of a version that this box does not know. */
export function decodeFrame(sealed: Buffer, seal: SiteSeal): Envelope | undefined {
  const bytes = seal.open(sealed, PLACE)
  if (!bytes) return undefined
  try {
    const value: unknown = packr.unpack(bytes)
    return check.Check(value) ? toEnvelope(value) : undefined
  } catch {
    return undefined
  }
}

/** A retained message as Redis keeps it for boxes that come later. */
export interface KeptMessage {
  readonly message: CrossingMessage
  /** When it expires, milliseconds since 1970; absent where it never does, or its box did not know the time. */
  readonly untilMs?: number
}

export const packMessage = ({ message, untilMs }: KeptMessage): Buffer =>
  packr.pack(untilMs === undefined ? message : { ...message, untilMs })

/** Undefined: of a version that this box does not know. */
export function unpackMessage(bytes: Buffer): KeptMessage | undefined {
  try {
    const value: unknown = packr.unpack(bytes)
    if (!checkKept.Check(value)) return undefined
    const { untilMs, ...message } = value
    return { message: message as unknown as CrossingMessage, ...(untilMs ? { untilMs } : {}) }
  } catch {
    return undefined
  }
}

/** Only a box of this site can have sealed it; what its broker took as properties, ours gives out. */
const toEnvelope = (checked: Checked): Envelope => checked as unknown as Envelope
