/**
 * Hands what waits for a client here to the box where the client is now, once: each message leaves the
 * session here when the other box has it, and the session ends when it is empty.
 *
 * While a claim stands, new messages for the client may come both through its session here and by crossing.
 * Those that crossed after the client had subscribed over there are known by the ring of what crossed lately,
 * and are not handed over as well.
 */
import type { MqttBroker } from '../channels/mqtt/broker.ts'
import type { CrossingMessage } from './frames.ts'
import { claimSession, type SessionClaim } from './session-claim.ts'
import type { SessionLookup } from './session-lookup.ts'
import type { SiteLink } from './site-link.ts'

/** The device subscribes over there within this time, or the session is laid aside for a later try. */
const READY_WITHIN_MS = 30_000
/** The other box answers within this time, or nothing is taken away. */
const HANDED_WITHIN_MS = 10_000
/** Nothing has come for so long: look whether the session is empty. */
const IDLE_MS = 100
/** Messages that crossed lately: those of a few seconds on a busy site. */
export const RECENT_MESSAGES = 2048

export interface Handover {
  /** Takes the session of a client that is connected at another box. */
  claim(clientId: string): void
  /** The client listens at `box` and has heard this box up to `seen`. Resolves when all is handed over. */
  drain(clientId: string, box: string, seen: number): Promise<void>
  /** A message that is crossing now, with its number. */
  crossed(message: CrossingMessage, number: number): void
  isClaiming(clientId: string): boolean
  close(): void
}

interface Goal {
  readonly box: string
  readonly seen: number
}

interface Open {
  claim: SessionClaim | undefined
  goal: Goal | undefined
  waiting: { message: CrossingMessage; done: () => void }[]
  timer: NodeJS.Timeout | undefined
  /** References of messages that the other box has not confirmed. */
  readonly inFlight: Set<number>
  readonly finish: () => void
  readonly finished: Promise<void>
}

export function createHandover(parts: {
  readonly box: string
  readonly broker: Pick<MqttBroker, 'accept'>
  readonly lookup: SessionLookup
  readonly link: SiteLink
  readonly secret: Buffer
}): Handover {
  const { broker, link, lookup } = parts
  const claims = new Map<string, Open>()
  const answers = new Map<number, () => void>()
  const recent: { message: CrossingMessage; number: number }[] = []
  let refs = 0

  function open(clientId: string): Open {
    let finish = () => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const one: Open = {
      claim: undefined,
      goal: undefined,
      waiting: [],
      timer: undefined,
      inFlight: new Set(),
      finish,
      finished,
    }
    claims.set(clientId, one)
    restart(one, READY_WITHIN_MS, () => one.claim?.end(true))
    one.claim = claimSession({
      accept: broker.accept.bind(broker),
      clientId,
      secret: parts.secret,
      onTaken: (isPresent) => {
        if (!isPresent) one.claim?.end(false)
        else if (one.goal) look(clientId, one)
      },
      onMessage: (message, done) => {
        one.waiting.push({ message, done })
        if (one.goal) handOver(clientId, one, one.goal)
      },
      onEnd: () => {
        clearTimeout(one.timer)
        for (const ref of one.inFlight) answers.delete(ref)
        if (claims.get(clientId) === one) claims.delete(clientId)
        one.finish()
      },
    })
    return one
  }

  function restart(one: Open, afterMs: number, work: () => void): void {
    clearTimeout(one.timer)
    one.timer = setTimeout(work, afterMs)
    one.timer.unref()
  }

  function handOver(clientId: string, one: Open, goal: Goal): void {
    for (const { message, done } of one.waiting.splice(0)) {
      if (hasCrossed(message, goal.seen)) {
        done()
        continue
      }
      const ref = ++refs
      one.inFlight.add(ref)
      answers.set(ref, () => {
        answers.delete(ref)
        one.inFlight.delete(ref)
        done()
        if (one.inFlight.size === 0) look(clientId, one)
      })
      link.send({ kind: 'hand', to: goal.box, ref, message })
    }
    if (one.inFlight.size > 0) restart(one, HANDED_WITHIN_MS, () => one.claim?.end(true))
    else look(clientId, one)
  }

  /** Ends the session when nothing is left in it. */
  function look(clientId: string, one: Open): void {
    restart(one, IDLE_MS, async () => {
      const session = await lookup.find(clientId)
      if (one.inFlight.size > 0 || one.waiting.length > 0) return
      const isEmpty = !session || session.queuedMessages + session.inflight === 0
      if (isEmpty) one.claim?.end(false)
      else restart(one, HANDED_WITHIN_MS, () => one.claim?.end(true))
    })
  }

  function hasCrossed(message: CrossingMessage, seen: number): boolean {
    const at = recent.findIndex(
      (one) =>
        one.number > seen &&
        one.message.topic === message.topic &&
        one.message.payload.equals(message.payload),
    )
    if (at === -1) return false
    recent.splice(at, 1)
    return true
  }

  link.onFrame((frame) => {
    if (frame.kind === 'handed' && frame.to === parts.box) answers.get(frame.ref)?.()
  })

  return {
    isClaiming: (clientId) => claims.has(clientId),
    claim: (clientId) => {
      if (!claims.has(clientId)) open(clientId)
    },
    async drain(clientId, box, seen) {
      let one = claims.get(clientId)
      if (!one) {
        if (!(await lookup.find(clientId))) return
        one = claims.get(clientId) ?? open(clientId)
      }
      const goal = { box, seen }
      one.goal = goal
      handOver(clientId, one, goal)
      await one.finished
    },
    crossed(message, number) {
      if (message.qos === 0) return
      recent.push({ message: { ...message, payload: Buffer.from(message.payload) }, number })
      if (recent.length > RECENT_MESSAGES) recent.shift()
    },
    close: () => {
      for (const one of claims.values()) one.claim?.end(true)
    },
  }
}
