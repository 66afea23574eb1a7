/** SUBSCRIBE and UNSUBSCRIBE (MQTT 5.0 sections 3.8 to 3.11). */
import { encodeSuback, encodeUnsuback } from '../codec/encoder.ts'
import type {
  Properties,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import { parseFilter, topicDepth } from '../codec/topics.ts'
import { isTooLong, tooLong } from '../limits.ts'
import { replayRetained } from '../routing/retained-replay.ts'
import type { Subscription } from '../routing/router.ts'
import type { Session } from '../sessions/session.ts'
import type { Connection } from './connection.ts'

const MALFORMED = 'the topic filter is malformed'

interface Granted {
  readonly subscription: Subscription
  /** Which retained messages are to be sent: all, what an earlier one was still to get, or none. */
  readonly retained: 'all' | 'rest' | 'none'
}

/** Filters are settled one by one; SUBACK leaves when those of a kept session are on disk, then retained messages. */
export function subscribe(connection: Connection, packet: SubscribePacket): void {
  const { engine } = connection
  const session = connection.session as Session
  connection.charge(packet.subscriptions.length - 1)
  const identifier = packet.properties?.subscriptionIdentifiers?.[0] ?? 0
  const codes: number[] = []
  const granted: Granted[] = []
  let reason: string | undefined
  for (const request of packet.subscriptions) {
    const refusal = check(connection, session, request)
    if (refusal !== undefined) {
      codes.push(refusal.reasonCode)
      reason ??= refusal.reason
      continue
    }
    const one = grant(connection, session, request, identifier)
    granted.push(one)
    engine.sessions.subscribe(one.subscription)
    codes.push(request.qos)
  }
  const answer = (): void => {
    const encode = (properties?: Properties): Buffer =>
      encodeSuback(connection.version, packet.packetId, codes, properties)
    if (!connection.sendAnswer(encode, reason)) return
    for (const { subscription, retained } of granted) {
      if (retained === 'all') replayRetained(engine, subscription)
    }
    session.replay?.advance()
    tellSubscriptions(connection, granted)
  }
  if (!session.isDurable || granted.length === 0) {
    answer()
    return
  }
  const { rowId } = session
  answerOnceKept(connection, answer, () => {
    // A power cut from here on takes none of the retained messages away.
    for (const { subscription, retained } of granted) {
      engine.sessionRows.putSubscription(rowId, subscription, retained !== 'none')
    }
  })
}

function grant(
  { engine }: Connection,
  session: Session,
  request: SubscriptionRequest,
  identifier: number,
): Granted {
  const parsed = parseFilter(request.filter) ?? { filter: request.filter, group: undefined }
  const subscription: Subscription = {
    kind: 'session',
    session,
    text: request.filter,
    filter: parsed.filter,
    group: parsed.group,
    qos: request.qos,
    noLocal: request.noLocal,
    retainAsPublished: request.retainAsPublished,
    identifier,
  }
  const wanted = parsed.group === undefined ? retainedFor(session, request) : 'none'
  const isNone =
    (wanted === 'all' && !engine.retained.mayMatch(parsed.filter)) ||
    (wanted === 'rest' && session.replay?.handOver(subscription) !== true)
  return { subscription, retained: isNone ? 'none' : wanted }
}

/** Retain Handling of MQTT 5.0 section 3.8.3.1. */
function retainedFor(
  { subscriptions }: Session,
  { filter, retainHandling }: SubscriptionRequest,
): Granted['retained'] {
  const isNew = !subscriptions.has(filter)
  if (retainHandling === 0 || (retainHandling === 1 && isNew)) return 'all'
  return retainHandling === 1 ? 'rest' : 'none'
}

function check(
  connection: Connection,
  session: Session,
  request: SubscriptionRequest,
): { reasonCode: number; reason: string } | undefined {
  const { limits, policy, sessions } = connection.engine
  const parsed = parseFilter(request.filter)
  if (parsed === undefined) {
    return { reasonCode: Reason.topicFilterInvalid, reason: MALFORMED }
  }
  if (isTooLong(request.filter, limits)) {
    return { reasonCode: Reason.topicFilterInvalid, reason: tooLong(limits) }
  }
  if (topicDepth(parsed.filter) > limits.maxTopicDepth) {
    return {
      reasonCode: Reason.topicFilterInvalid,
      reason: `a filter has ${limits.maxTopicDepth} levels at most`,
    }
  }
  const { subscriptions, principal } = session
  const isNew = !subscriptions.has(request.filter)
  if (isNew && subscriptions.size >= limits.maxSubscriptionsPerClient) {
    return {
      reasonCode: Reason.quotaExceeded,
      reason: `a client has ${limits.maxSubscriptionsPerClient} subscriptions at most`,
    }
  }
  if (isNew && !sessions.hasRoomForFilter(session, request.filter, limits)) {
    return {
      reasonCode: Reason.quotaExceeded,
      reason: 'the gateway holds as many filters as it may',
    }
  }
  if (principal === null) return undefined
  const result = policy.authorize(principal, 'subscribe', parsed.filter)
  return result.ok ? undefined : result
}

export function unsubscribe(connection: Connection, packet: UnsubscribePacket): void {
  const { engine } = connection
  const session = connection.session as Session
  connection.charge(packet.filters.length - 1)
  let reason: string | undefined
  const codes = packet.filters.map((text) => {
    if (parseFilter(text) === undefined) {
      reason = MALFORMED
      return Reason.topicFilterInvalid
    }
    return engine.sessions.unsubscribe(session, text) ? 0 : Reason.noSubscriptionExisted
  })
  const answer = (): void => {
    const encode = (properties?: Properties): Buffer =>
      encodeUnsuback(connection.version, packet.packetId, codes, properties)
    if (connection.sendAnswer(encode, reason)) tellSubscriptions(connection)
  }
  if (!session.isDurable) {
    answer()
    return
  }
  const { rowId } = session
  answerOnceKept(connection, answer, () => {
    for (const text of packet.filters) engine.sessionRows.removeSubscription(rowId, text)
  })
}

/** Tells the house what the client listens to from here on. */
export function tellSubscriptions(connection: Connection, granted: readonly Granted[] = []): void {
  const { session, clientId, engine } = connection
  // A client that has left meanwhile hears nothing by what it subscribed to.
  if (session?.connection !== connection || session.principal === null) return
  engine.policy.onSubscriptions({
    clientId,
    device: session.principal,
    added: granted.map(({ subscription }) => subscription.filter),
    filters: [...session.subscriptions.values()].map(({ filter }) => filter),
  })
}

/** Tells the house that the client hears nothing from here on, whatever it is subscribed to. */
export function tellDeaf({ session, clientId, engine }: Connection): void {
  const device = session?.principal
  if (device) engine.policy.onSubscriptions({ clientId, device, added: [], filters: [] })
}

/** What the client is told of a kept session is on disk before; no packet of the client comes in between. */
function answerOnceKept(connection: Connection, answer: () => void, write: () => void): void {
  connection.hold()
  connection.engine.store.commit(write).then(
    () => {
      answer()
      connection.release()
    },
    () => connection.disconnect(Reason.implementationSpecificError, 'storage failed'),
  )
}
