/** Several boxes on a site: fabric, crossing, roaming, shared sessions put together. Part of compose. */
import { parseTopic } from '@kefu-edge/device-sdk/protocol/topics'
import type { Box } from './compose.ts'
import type { DeviceSide } from './compose-devices.ts'
import type { Config } from './config/schema.ts'
import { createSessionSharing } from './dialogue/shared-sessions.ts'
import { createCrossing } from './fabric/crossing.ts'
import type { Fabric } from './fabric/fabric.ts'
import { createForgetting } from './fabric/forgetting.ts'
import type { CrossingMessage, Frame } from './fabric/frames.ts'
import { createHandover } from './fabric/handover.ts'
import { createRetainedSync } from './fabric/retained-sync.ts'
import { createRoaming } from './fabric/roaming.ts'
import { createSessionLookup } from './fabric/session-lookup.ts'
import { loadSiteKey } from './fabric/site-key.ts'
import { createSiteLink, type SiteStatus } from './fabric/site-link.ts'
import { nextSiteRun } from './fabric/site-run.ts'
import { createSiteSeal } from './fabric/site-seal.ts'
import { createSpeechOrigins } from './fabric/speech-origins.ts'
import type { Logger } from './logger.ts'
import type { Figure } from './metrics.ts'

const MINUTE_MS = 60_000
const KEY_FILE = 'keys/site.key'
const RUN_FILE = 'site.run'

export interface Site {
  status(): SiteStatus
  close(): Promise<void>
}

type DevicesOfSite = Pick<
  DeviceSide,
  'broker' | 'sockets' | 'voice' | 'presences' | 'housePass' | 'isForBox'
>

/**
 * Joins the site that the configuration names; undefined where it names none. Returns at once, whether
 * Redis is there or not. Throws `config.unreadable` about the key file.
 */
export async function composeFabric(
  config: Config,
  box: Box,
  devices: DevicesOfSite,
  logger: Logger,
): Promise<Site | undefined> {
  if (!config.site) return undefined
  const { redis, name } = config.site
  const file = config.site.keyFile ?? box.folder.file(KEY_FILE)
  const { key, isNew } = loadSiteKey(file)
  if (isNew) logger.info({ file }, 'a site key was made; copy the file to the other boxes')
  const { openRedisFabric } = await import('./fabric/redis-fabric.ts')
  const onError = (error: unknown) => logger.error({ error }, 'site fabric')
  const fabric = openRedisFabric({
    url: redis,
    site: name,
    clock: box.clock,
    random: Math.random,
    onError,
  })
  const run = nextSiteRun(box.folder.file(RUN_FILE), box.clock.now(), onError)
  return joinSite({ name, run, box, devices, logger, fabric, key })
}

/** Everything of a site but the way to it. */
export function joinSite(parts: {
  readonly name: string
  readonly run: number
  readonly box: Box
  readonly devices: DevicesOfSite
  readonly logger: Logger
  readonly fabric: Fabric
  readonly key: Buffer
}): Site {
  const { name, run, box, devices, logger, fabric } = parts
  const { clock, store } = box
  const { broker, sockets, voice, isForBox } = devices
  const onError = (error: unknown) => logger.error({ error }, 'site fabric')
  const self = box.ledger.gatewayId
  const seal = createSiteSeal(parts.key)
  const link = createSiteLink({ box: self, run, name, fabric, seal, clock, onError })
  const retained = createRetainedSync({
    box: self,
    broker,
    fabric,
    seal,
    time: box.time.reading,
    isForBox,
  })
  const lookup = createSessionLookup(broker)
  const { secret } = devices.housePass
  const handover = createHandover({ box: self, broker, lookup, link, secret })
  const origins = createSpeechOrigins()
  const roaming = createRoaming({
    box: self,
    broker,
    link,
    handover,
    lookup,
    clock,
    logger,
    closeSocket: (id, reason) => sockets.disconnect(id, reason),
    onListening: (id) => voice.announcer.onConnected(id),
    onGone: (id) => voice.announcer.onDisconnected(id),
    onDenied: (id) => devices.presences.tellAgain(id),
  })
  /** A device that another box has removed may be one of this box still: what this one wants of it stays. */
  const isDesiredHere = ({ topic, payload }: CrossingMessage): boolean => {
    const parsed = payload.length === 0 ? parseTopic(topic) : undefined
    return parsed?.name === 'desired' && box.twins.desired(parsed.deviceId) !== undefined
  }
  const mayEnter = (message: CrossingMessage) =>
    roaming.entering(message) && !isDesiredHere(message)
  const crossing = createCrossing({
    broker,
    link,
    retained,
    isForBox,
    mayCross: roaming.leaving,
    mayEnter,
    onSent: (message) => {
      handover.crossed(message, link.lastNumber())
      origins.sent(message)
    },
    monotonicMs: () => clock.monotonic(),
    nowMs: () => clock.now(),
    onError,
  })
  const enter = (message: CrossingMessage) => {
    if (mayEnter(message)) crossing.enter(message).catch(onError)
  }
  roaming.connect((message) => void crossing.enter(message).catch(onError))
  retained.connect({
    enter,
    // A presence that is wrong too: the box that has the device says so then.
    send: (message, stamp) => link.send({ kind: 'message', message, stamp }),
  })
  const idleMs = box.config.limits.sessionIdleMinutes * MINUTE_MS
  const sharing = createSessionSharing({
    values: fabric,
    seal,
    store,
    sessions: box.ownSessions,
    clock,
    idleMs,
    onError,
    onForgotten: (subject) => forgetting.tell(subject),
  })
  const forgetting = createForgetting({
    link,
    clock,
    idleMs,
    onForget(subject) {
      const ids = box.ownSessions.idsOf(subject)
      store.commit(() => box.ownSessions.forget(subject)).catch(onError)
      void sharing.dropShared(subject, ids)
    },
  })
  box.hooks.site = {
    sharing,
    onSubscribed: roaming.subscribed,
    onPlayed: (deviceId, report) => {
      if (link.hasOthers()) link.send({ kind: 'played', deviceId, report })
    },
  }
  link.onFrame((frame, from) => {
    if (frame.kind === 'message') toSocket(devices, frame.message)
    else takeFrame(frame, from.box)
  })

  function takeFrame(frame: Frame, from: string): void {
    if (frame.kind === 'hand' && frame.to === self) {
      const { ref, message } = frame
      crossing.enter(message).then(() => link.send({ kind: 'handed', to: from, ref }), onError)
    } else if (frame.kind === 'played' && origins.isOurs(frame.deviceId, frame.report.speech)) {
      const { deviceId, report } = frame
      store.commit(() => voice.announcer.onReport(deviceId, report)).catch(onError)
    }
  }

  link.onConnected(() => {
    logger.info({ site: name }, 'the site fabric is there')
    retained.reconcile().catch(onError)
  })
  fabric.onChange((status) => {
    if (status.state === 'away') {
      logger.warn(
        { site: name, reason: status.lastError },
        'the site fabric is away; this box goes on alone',
      )
    } else if (status.refused !== undefined) {
      logger.warn(
        { site: name, reason: status.refused },
        'Redis stores nothing: conversations and retained messages of this box do not reach the others',
      )
    }
  })
  return {
    status: () => ({ ...link.status(), dropped: crossing.dropped() }),
    close: async () => {
      box.hooks.site = undefined
      roaming.close()
      handover.close()
      crossing.close()
      link.close()
      sharing.close()
      await fabric.close()
    },
  }
}

/** Devices on a WebSocket hear the box without the broker. */
function toSocket({ sockets }: DevicesOfSite, { topic, payload }: CrossingMessage): void {
  const parsed = parseTopic(topic)
  if (parsed?.name !== 'speech' && parsed?.name !== 'desired') return
  if (payload.length === 0) return
  try {
    sockets.send(parsed.deviceId, parsed.name, JSON.parse(payload.toString()) as object)
  } catch {
    // Not JSON: some device's own message under this name, for MQTT subscribers only.
  }
}

/** For `/metrics`; nothing where the box is alone. */
export function siteFigures(status: () => SiteStatus | undefined): readonly Figure[] {
  const figure = (name: string, help: string, read: (site: SiteStatus) => number): Figure => ({
    name,
    help,
    read: () => {
      const site = status()
      return site ? [{ value: read(site) }] : []
    },
  })
  return [
    figure(
      'kefu_site_connected',
      '1 after an echo through the Redis of the site, else 0',
      (site) => (site.state === 'connected' ? 1 : 0),
    ),
    figure(
      'kefu_site_stores',
      '1 while Redis also takes what is to be kept there, else 0',
      (site) => (site.state === 'connected' && site.refused === undefined ? 1 : 0),
    ),
    figure('kefu_site_boxes', 'Other boxes of the site heard lately', ({ boxes }) => boxes.length),
    {
      ...figure(
        'kefu_site_messages_dropped',
        'QoS 1 and 2 that other boxes did not get since the start: held too long, or too much of it',
        ({ dropped }) => dropped,
      ),
      isCounter: true,
    },
  ]
}
