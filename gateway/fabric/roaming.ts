/**
 * Which device is at which box. A device is at one box: where it connects last. The box it was at lets it
 * go, hands over what it still holds for it, and speaks to it from then on by way of the others.
 */
import { parseTopic } from '@kefu-edge/device-sdk/protocol/topics'
import type { Aedes } from 'aedes'
import type { MqttBroker } from '../channels/mqtt/broker.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { CrossingMessage, DeviceHere } from './frames.ts'
import type { Handover } from './handover.ts'
import type { SessionLookup } from './session-lookup.ts'
import type { SiteLink } from './site-link.ts'

/** A device subscribes to its topics one after the other; this long after the last it is ready. */
const READY_AFTER_MS = 100
/** A device whose session the box has kept does not subscribe again; it is looked up after this. */
const LOOK_AFTER_MS = 1500
/** Devices named in one frame. */
const DEVICES_PER_FRAME = 500

export interface RoamingParts {
  readonly box: string
  readonly broker: Pick<MqttBroker, 'aedes'>
  readonly link: SiteLink
  readonly handover: Handover
  readonly lookup: SessionLookup
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
  /** Ends a device's WebSocket here. */
  readonly closeSocket: (deviceId: string, reason: string) => void
  /** The device listens to its speech at another box: what waits here may go there. */
  readonly onListening: (deviceId: string) => void
  /** It does not any more. */
  readonly onGone: (deviceId: string) => void
  /** Another box says that a device is away which is here: the site must hear that again. */
  readonly onDenied: (deviceId: string) => void
}

export interface Roaming {
  /** A device that is here has subscribed. */
  subscribed(deviceId: string): void
  /** A message of this box, before it crosses; false keeps it here. */
  leaving(message: CrossingMessage): boolean
  /** A message of another box, before it is published here; false drops it. */
  entering(message: CrossingMessage): boolean
  /** Publishes without letting it cross: what was said of a device that is elsewhere. */
  connect(enter: (message: CrossingMessage) => void): void
  close(): void
}

interface Local {
  readonly sinceMs: number
  readonly channel: 'mqtt' | 'websocket'
}

export function createRoaming(parts: RoamingParts): Roaming {
  const { link, handover, lookup, clock, broker } = parts
  const local = new Map<string, Local>()
  const elsewhere = new Map<string, string>()
  /** What the box where a device is says of it, while it is elsewhere. */
  const presences = new Map<string, CrossingMessage>()
  const becoming = new Map<string, NodeJS.Timeout>()
  let enter: (message: CrossingMessage) => void = () => {}

  function came(deviceId: string, channel: Local['channel']): void {
    local.set(deviceId, { sinceMs: clock.now(), channel })
    gone(deviceId)
    announce([[deviceId, clock.now()]], true)
    becomeReady(deviceId, channel === 'websocket' ? 0 : LOOK_AFTER_MS)
  }

  function left(deviceId: string, channel: Local['channel']): void {
    if (local.get(deviceId)?.channel !== channel) return
    forget(deviceId)
    link.send({ kind: 'left', deviceId })
  }

  function forget(deviceId: string): void {
    local.delete(deviceId)
    clearTimeout(becoming.get(deviceId))
    becoming.delete(deviceId)
  }

  function announce(devices: readonly DeviceHere[], isNew: boolean): void {
    for (let at = 0; at < devices.length; at += DEVICES_PER_FRAME) {
      link.send({ kind: 'here', devices: devices.slice(at, at + DEVICES_PER_FRAME), isNew })
    }
  }

  function becomeReady(deviceId: string, afterMs: number): void {
    clearTimeout(becoming.get(deviceId))
    const seen = link.seen()
    const timer = setTimeout(() => void ready(deviceId, seen), afterMs)
    timer.unref()
    becoming.set(deviceId, timer)
  }

  async function ready(deviceId: string, seen: Readonly<Record<string, number>>): Promise<void> {
    const here = local.get(deviceId)
    if (!here || !link.hasOthers()) return
    if (here.channel === 'mqtt') {
      const session = await lookup.find(deviceId)
      if (!session?.isConnected || session.subscriptions === 0) return
    }
    // It may have moved on meanwhile.
    if (local.get(deviceId) !== here) return
    becoming.delete(deviceId)
    link.send({ kind: 'ready', deviceId, seen })
  }

  function gone(deviceId: string): void {
    presences.delete(deviceId)
    if (elsewhere.delete(deviceId)) parts.onGone(deviceId)
  }

  /** Another box has the device: here it ends. */
  function isAt(deviceId: string, box: string): void {
    elsewhere.set(deviceId, box)
    const here = local.get(deviceId)
    if (!here) return
    parts.logger.info(
      { device: deviceId, box },
      'the device has connected at another box of the site; its connection here is closed',
    )
    // Before the connection ends: what is then said of it is not the news.
    forget(deviceId)
    if (here.channel === 'mqtt') handover.claim(deviceId)
    else parts.closeSocket(deviceId, 'connected at another box of the site')
  }

  /** After a time apart both may have it: the later connection stays, as within one box. */
  function staysHere([deviceId, sinceMs]: DeviceHere, box: string): boolean {
    const here = local.get(deviceId)
    if (!here) return false
    return here.sinceMs > sinceMs || (here.sinceMs === sinceMs && parts.box > box)
  }

  link.onFrame((frame, { box }) => {
    switch (frame.kind) {
      case 'here':
        for (const device of frame.devices) {
          if (!frame.isNew && staysHere(device, box)) announce([device], true)
          else isAt(device[0], box)
        }
        return
      case 'left':
        if (elsewhere.get(frame.deviceId) === box) gone(frame.deviceId)
        return
      case 'ready': {
        const { deviceId } = frame
        elsewhere.set(deviceId, box)
        const seen = (frame.seen as Record<string, number>)[parts.box] ?? link.lastNumber()
        void handover.drain(deviceId, box, seen).then(() => {
          if (elsewhere.get(deviceId) === box) parts.onListening(deviceId)
        })
        return
      }
      case 'beat':
        if (frame.isHello) announceAll()
        return
      default:
    }
  })
  link.onConnected(announceAll)
  link.onBox((box, isHere) => {
    if (isHere) return
    for (const [deviceId, at] of elsewhere) if (at === box) gone(deviceId)
  })

  function announceAll(): void {
    announce(
      [...local].map(([deviceId, { sinceMs }]) => [deviceId, sinceMs] as const),
      false,
    )
    for (const deviceId of local.keys()) {
      becomeReady(deviceId, LOOK_AFTER_MS)
    }
  }

  const isDevice = (clientId: string) =>
    !clientId.startsWith('$') && !clientId.includes(':') && !handover.isClaiming(clientId)
  const onClient = ({ id }: { id: string }) => {
    if (isDevice(id)) came(id, 'mqtt')
  }
  const onDisconnect = ({ id }: { id: string }) => left(id, 'mqtt')
  const events = broker.aedes as Aedes & NodeJS.EventEmitter
  events.on('client', onClient)
  events.on('clientDisconnect', onDisconnect)

  return {
    subscribed(deviceId) {
      if (local.has(deviceId)) becomeReady(deviceId, READY_AFTER_MS)
    },
    leaving(message) {
      const presence = presenceOf(message)
      if (!presence) return true
      const { deviceId, isOnline } = presence
      if (elsewhere.has(deviceId)) {
        const theirs = presences.get(deviceId)
        if (theirs) queueMicrotask(() => enter(theirs))
        return false
      }
      if (isOnline && !local.has(deviceId)) came(deviceId, 'websocket')
      if (!isOnline) left(deviceId, 'websocket')
      return true
    },
    entering(message) {
      const presence = presenceOf(message)
      if (!presence) return true
      if (local.has(presence.deviceId)) {
        if (!presence.isOnline) parts.onDenied(presence.deviceId)
        return false
      }
      if (presence.isOnline) presences.set(presence.deviceId, message)
      else presences.delete(presence.deviceId)
      return true
    },
    connect: (way) => {
      enter = way
    },
    close: () => {
      events.off('client', onClient)
      events.off('clientDisconnect', onDisconnect)
      for (const timer of becoming.values()) clearTimeout(timer)
    },
  }
}

function presenceOf(
  message: CrossingMessage,
): { readonly deviceId: string; readonly isOnline: boolean } | undefined {
  const parsed = parseTopic(message.topic)
  if (parsed?.name !== 'presence') return undefined
  return { deviceId: parsed.deviceId, isOnline: message.payload.includes('"online":true') }
}
