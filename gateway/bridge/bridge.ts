/** A bridge to another MQTT broker: store and forward out, durable before acknowledged in. DESIGN.md draws it. */

import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import { BRIDGE_CLIENT_PREFIX } from '../channels/house-pass.ts'
import type { BoxMessage } from '../channels/mqtt/box-message.ts'
import type { ByteConnection } from '../channels/mqtt/byte-connection.ts'
import type { Qos } from '../channels/mqtt/codec/packets.ts'
import { isAllowedText } from '../channels/mqtt/codec/utf8.ts'
import { shownText } from '../channels/mqtt/shown-text.ts'
import type { Clock } from '../clock.ts'
import type { LedgerDraft, LedgerEntry, LedgerPosition } from '../ledger/port.ts'
import type { Logger } from '../logger.ts'
import { maskUrls } from '../mask-line.ts'
import type { Store } from '../storage/store.ts'
import { createBridgeRows, type Outcome } from './bridge-rows.ts'
import type { BridgeConfig } from './bridge-schema.ts'
import { MAX_HOPS, ruleFor, viaOf, withVia } from './bridge-topics.ts'
import { createEcho } from './echo.ts'
import {
  type LocalItem,
  type LocalLinkParts,
  type LocalMessage,
  openLocalLink,
} from './local-link.ts'
import { createOutgoingQueue } from './outgoing-queue.ts'
import { plainReason } from './plain-reason.ts'
import { openRemoteLink, type RemoteMessage } from './remote-link.ts'

/** Messages read from the record at once. */
const READ_AHEAD = 50

export interface BridgeStatus {
  readonly name: string
  readonly url: string
  /** `connected` only after an echo over the other broker. */
  readonly state: 'connecting' | 'connected' | 'away'
  readonly lastEchoAt?: string
  readonly roundTripMs?: number
  readonly lastError?: string
  /** On disk and not yet acknowledged by the other broker. */
  readonly waiting: number
  /** Since the bridge was set up. */
  readonly sent: number
  readonly refused: number
  readonly expired: number
  /** Since the gateway started. */
  readonly received: number
  /** Messages kept from going round, since the gateway started. */
  readonly looped: number
}

export interface Bridge {
  status(): BridgeStatus
  close(): Promise<void>
}

export interface BridgeParts {
  readonly options: BridgeConfig
  readonly gatewayId: string
  readonly password?: string | undefined
  readonly caPem?: string | undefined
  /** The certificate of the other broker is judged by it. */
  readonly time: () => TrustedTime
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly ledger: {
    append(draft: LedgerDraft): LedgerPosition
    entryAt(index: number): LedgerEntry | undefined
  }
  readonly broker: {
    accept(connection: ByteConnection): void
    publish(message: BoxMessage, alongside?: () => void): Promise<void>
    nowMs(): number
  }
  /** Lets the bridge in at the broker. */
  readonly secret: Buffer
}

export function createBridge(parts: BridgeParts): Bridge {
  const { options, gatewayId, store, clock, logger, broker } = parts
  const { name } = options
  const via = `${gatewayId}/${name}`
  const localClientId = `${BRIDGE_CLIENT_PREFIX}${name}`
  const echoTopic = `kefu-edge/echo/${gatewayId}/${name}`
  const rows = createBridgeRows(store, name)
  const counts = { received: 0, looped: 0, refused: 0 }
  let state: BridgeStatus['state'] = 'connecting'
  let lastError: string | undefined
  let isClosed = false
  let cursor = -1
  let isPumping = false
  let isWanted = false
  /** Connections to the other broker so far. */
  let linkCount = 0

  const queue = createOutgoingQueue({
    store,
    clock,
    brokerMs: broker.nowMs,
    ledger: parts.ledger,
    rows,
    bridge: name,
    onDropped: (outcome: Outcome, detail) => {
      if (outcome === 'refused') counts.refused++
      logger.warn({ bridge: name, outcome, detail }, 'a message does not leave by the bridge')
    },
  })

  const echo = createEcho({
    clock,
    send: (payload) => remote.sendEcho(payload),
    onChange: (isAlive) =>
      isAlive
        ? become('connected')
        : become('away', `no echo comes back on ${echoTopic}: check the rules of the other broker`),
  })

  function become(next: BridgeStatus['state'], reason?: string): void {
    const isNews = next !== state || reason !== lastError
    state = next
    lastError = reason
    if (!isNews || isClosed) return
    const fields = { bridge: name, url: maskUrls(options.url), waiting: queue.waiting() }
    if (next === 'connected') logger.info(fields, 'the bridge is connected: an echo came back')
    else logger.warn({ ...fields, reason }, 'the bridge is away; what leaves waits on disk')
  }

  /** Out, first half: from the local session into the record, in one transaction. */
  function take(items: readonly LocalItem[]): Promise<void> {
    const taken = store.commit(() => {
      for (const item of items) {
        if (item.kind === 'release') rows.forget('local', item.packetId)
        else takeOne(item)
      }
    })
    return taken.then(() => void pump())
  }

  function takeOne({ topic, payload, qos, retain, packetId, properties }: LocalMessage): void {
    if (qos === 2) {
      if (rows.isReceived('local', packetId)) return
      rows.receive('local', packetId)
    }
    const rule = ruleFor(options.out, topic)
    const passed = viaOf(properties)
    if (!rule) return
    if (passed.includes(via) || passed.length >= MAX_HOPS) {
      counts.looped++
      return
    }
    queue.add({
      topic: `${rule.remotePrefix ?? ''}${topic}`,
      payload,
      qos: Math.min(qos, rule.qos) as Qos,
      retain,
      properties: options.protocolVersion === 5 ? withVia(properties, via) : properties,
    })
  }

  /** Out, second half: from the record to the other broker, as many at once as it takes. */
  async function pump(): Promise<void> {
    isWanted = true
    if (isPumping) return
    isPumping = true
    try {
      while (isWanted && !isClosed) {
        isWanted = false
        const room = remote.room()
        const link = linkCount
        if (room <= 0) break
        const found = await queue.next(cursor, Math.min(room, READ_AHEAD))
        // Read for an earlier connection: the present one begins at the first that is not under way.
        if (link !== linkCount || !remote.isUp) continue
        for (const message of found) {
          cursor = message.idx
          remote.send(message)
        }
        isWanted ||= found.length > 0
      }
    } catch (error) {
      if (!isClosed) logger.error({ error, bridge: name }, 'the bridge cannot read what waits')
    } finally {
      isPumping = false
    }
  }

  /**
   * In: published here and, where QoS 2 wants it, noted in the same commit; nobody is given it before. A
   * crash before the commit leaves nothing, and the other broker sends again; after it, the id is known.
   */
  async function receive(message: RemoteMessage, taken: () => void): Promise<void> {
    const { topic, payload, qos, retain, properties } = message
    const rule = ruleFor(options.in, topic)
    const passed = viaOf(properties)
    const isOurs = passed.some((one) => one.startsWith(`${gatewayId}/`))
    if (!rule || isOurs || passed.length >= MAX_HOPS) {
      if (rule) counts.looped++
      await store.commit(taken)
      return
    }
    // Whoever subscribes here would take its control character for a broken packet, and go.
    if (!isAllowedText(topic)) {
      counts.refused++
      logger.warn({ bridge: name, topic: shownText(topic) }, 'a topic has no control characters')
      await store.commit(taken)
      return
    }
    counts.received++
    const here = {
      topic: `${rule.localPrefix ?? ''}${topic}`,
      payload,
      qos,
      retain,
      properties: withVia(properties, via),
      publisher: localClientId,
    }
    await broker.publish(here, taken)
  }

  const remote = openRemoteLink({
    options,
    clientId: options.clientId ?? `${gatewayId}-${name}`,
    password: parts.password,
    caPem: parts.caPem,
    time: parts.time,
    echoTopic,
    store,
    rows,
    random: parts.random,
    read: queue.read,
    settle: queue.settle,
    receive,
    onEcho: (payload) => echo.received(payload),
    onUp: () => {
      cursor = -1
      linkCount++
      echo.start()
    },
    onDown: (error) => {
      echo.stop()
      become('away', error === undefined ? 'the connection was lost' : plainReason(error))
    },
    onRoom: () => void pump(),
    onRefused: (detail) =>
      logger.warn({ bridge: name, detail }, 'the other broker does not take a message'),
  })

  const wanted = options.out.map((rule) => rule.filter)
  const localParts: LocalLinkParts = {
    accept: broker.accept,
    clientId: localClientId,
    secret: parts.secret,
    filters: options.out,
    staleFilters: rows.filters('local').filter((filter) => !wanted.includes(filter)),
    take,
    onReady: () =>
      void store
        .commit(() => rows.setFilters('local', wanted))
        .catch((error: unknown) => {
          logger.error({ error, bridge: name }, 'the filters of the bridge were not kept')
        }),
    onError: (error) => {
      if (!isClosed)
        logger.error({ error, bridge: name }, 'the bridge lost the own broker; it tries again')
    },
  }
  const local = wanted.length > 0 ? openLocalLink(localParts) : undefined

  return {
    status: () => {
      const { lastEchoAtMs, roundTripMs } = echo.state()
      const { sent, refused, expired } = rows.mark()
      return {
        name,
        url: maskUrls(options.url),
        state,
        ...(lastEchoAtMs === undefined ? {} : { lastEchoAt: new Date(lastEchoAtMs).toISOString() }),
        ...(roundTripMs === undefined ? {} : { roundTripMs }),
        ...(lastError === undefined ? {} : { lastError }),
        waiting: queue.waiting(),
        sent,
        refused: refused + counts.refused,
        expired,
        received: counts.received,
        looped: counts.looped,
      }
    },
    close: async () => {
      isClosed = true
      echo.stop()
      local?.close()
      await remote.close()
    },
  }
}
