/**
 * Sessions of a site with several boxes: each box keeps its own on disk, and shares a sealed copy after the
 * commit, for as long as a session may rest. Before a turn the copy is read by the session or the subject
 * that it names, else by the device, so that a person goes on at another box. The wait for it has a limit; without an answer the box goes
 * on with what it knows. Of two turns at once at two boxes the later copy stays.
 */
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { Packr } from 'msgpackr'
import type { AnswerTurn } from '../answer-turn.ts'
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import { type IncomingAsk, knownAs, type Session } from '../turn.ts'
import { DEVICE_SESSION_IDLE_MS, type Sessions } from './sessions.ts'

/** Where copies are: a store that all boxes reach. Its waits are bounded; it never rejects. */
export interface SharedValues {
  put(entries: readonly (readonly [key: string, value: Buffer])[], ttlMs: number): Promise<boolean>
  /** Undefined: it did not say in time. */
  get(keys: readonly string[]): Promise<readonly (Buffer | undefined)[] | undefined>
  remove(keys: readonly string[]): Promise<boolean>
}

export interface SessionSeal {
  seal(bytes: Uint8Array, place: string): Buffer
  open(sealed: Buffer, place: string): Buffer | undefined
  nameOf(text: string): string
}

export interface SessionSharing {
  /** Reads what another box may know of the ask's session. */
  recall(incoming: IncomingAsk): Promise<void>
  /** A session was saved after a turn of the device (see `knownAs`); inside `store.commit`. */
  saved(session: Session, deviceId: string): void
  /** A subject's sessions, these among them, are erased; inside `store.commit`. */
  forgotten(subject: Subject, sessionIds: readonly string[]): void
  /** Another box has erased the subject: what this box may have shared since goes too. */
  dropShared(subject: Subject, sessionIds: readonly string[]): Promise<void>
  close(): void
}

export interface SharingParts {
  readonly values: SharedValues
  readonly seal: SessionSeal
  readonly store: Store
  /** The box's own sessions. */
  readonly sessions: Sessions
  readonly clock: Pick<Clock, 'monotonic'>
  readonly idleMs: number
  readonly onError: (error: unknown) => void
  /** The other boxes forget the person too. */
  readonly onForgotten: (subject: Subject) => void
}

const packr = new Packr({ useRecords: false })
/** Under a device whose session has become a person's: it is no answer to who comes next. */
const NOBODYS = packr.pack({})
/** Between tries to remove a copy that must not be there any more. */
const RETRY_MS = 1000

export function createSessionSharing(parts: SharingParts): SessionSharing {
  const { values, seal, store, sessions, clock, onError } = parts
  /**
   * Copies of erased persons that the store has not said to have removed, and until when they may live there.
   * They are not believed, and removed again until it says so. A restart of the box forgets them.
   */
  const condemned = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  const sessionKey = (id: string) => `session:${seal.nameOf(`session/${id}`)}`
  const subjectKey = (who: Subject) => `subject:${seal.nameOf(`subject/${who.kind}/${who.id}`)}`
  const deviceKey = (id: string) => `device:${seal.nameOf(`device/${id}`)}`

  function keyOf({ ask, device }: IncomingAsk): string {
    if (ask.session !== undefined) return sessionKey(ask.session)
    return ask.subject ? subjectKey(ask.subject) : deviceKey(knownAs(device))
  }

  function read(key: string, sealed: Buffer | undefined): Session | undefined {
    const bytes = sealed && seal.open(sealed, key)
    if (!bytes) return undefined
    const value = packr.unpack(bytes) as Partial<Session> | null
    return typeof value?.id === 'string' && typeof value.turns === 'number'
      ? (value as Session)
      : undefined
  }

  /** What the box would go on with by itself; undefined when it refuses to. */
  function ownOf(incoming: IncomingAsk): Session | undefined {
    try {
      return sessions.resume(incoming)
    } catch {
      return undefined
    }
  }

  async function recallOf(incoming: IncomingAsk): Promise<void> {
    const key = keyOf(incoming)
    const shared = read(key, (await values.get([key]))?.[0])
    if (!shared || condemned.has(key) || condemned.has(sessionKey(shared.id))) return
    const own = ownOf(incoming)
    // A session that another person was refused is not lent to the next one either.
    if (own === undefined || isNewest(own, shared)) return
    store.commit(() => sessions.save(shared, knownAs(incoming.device))).catch(onError)
  }

  async function dropShared(subject: Subject, sessionIds: readonly string[]): Promise<void> {
    const key = subjectKey(subject)
    const untilMs = clock.monotonic() + parts.idleMs
    const condemn = (one: string) => condemned.set(one, untilMs)
    for (const one of [key, ...sessionIds.map(sessionKey)]) condemn(one)
    try {
      // Begun at another box, and not heard of here.
      const shared = read(key, (await values.get([key]))?.[0])
      if (shared) condemn(sessionKey(shared.id))
    } catch (error) {
      onError(error)
    }
    await removeCondemned()
  }

  async function removeCondemned(): Promise<void> {
    clearTimeout(timer)
    for (const [key, untilMs] of condemned) if (untilMs < clock.monotonic()) condemned.delete(key)
    const before = new Map(condemned)
    if (before.size === 0) return
    if (await values.remove([...before.keys()])) {
      for (const [key, untilMs] of before) {
        if (condemned.get(key) === untilMs) condemned.delete(key)
      }
    }
    if (condemned.size > 0) timer = setTimeout(() => void removeCondemned(), RETRY_MS).unref()
  }

  return {
    recall: (incoming) => recallOf(incoming).catch(onError),
    saved(session, deviceId) {
      const bytes = packr.pack(session)
      const keys = [
        sessionKey(session.id),
        ...(session.subject ? [subjectKey(session.subject)] : []),
      ]
      // Sealed after the commit: what was not kept here is not told to others.
      store
        .durable()
        .then(async () => {
          // Erased meanwhile; what was begun after an erasure has an id of its own.
          if (condemned.has(sessionKey(session.id))) return
          const entries = keys.map((key) => [key, seal.seal(bytes, key)] as const)
          const atDevice = deviceKey(deviceId)
          const sealed = seal.seal(session.subject ? NOBODYS : bytes, atDevice)
          void values.put([[atDevice, sealed]], DEVICE_SESSION_IDLE_MS)
          // Until it stands there instead of the old copy, that one is not believed.
          if (await values.put(entries, parts.idleMs)) for (const key of keys) condemned.delete(key)
        })
        .catch(onError)
    },
    forgotten(subject, sessionIds) {
      // Removed first: a box that hears of it must not find a copy again.
      void dropShared(subject, sessionIds).then(() => parts.onForgotten(subject))
    },
    dropShared,
    close: () => clearTimeout(timer),
  }
}

/** Turns are counted, whatever the boxes' clocks say; only of two sessions the later one is meant. */
const isNewest = (own: Session, shared: Session): boolean =>
  own.id === shared.id
    ? own.turns >= shared.turns
    : own.turns > 0 && own.updatedAtMs >= shared.updatedAtMs

/** The box's sessions, told to `sharing` where there is one. */
export function shareSessions(own: Sessions, sharing: () => SessionSharing | undefined): Sessions {
  return {
    ...own,
    save(session, deviceId) {
      own.save(session, deviceId)
      sharing()?.saved(session, deviceId)
    },
    forget(subject) {
      sharing()?.forgotten(subject, own.idsOf(subject))
      return own.forget(subject)
    },
  }
}

/** A turn after what other boxes know of it was read; without other boxes nothing is added to it. */
export function recallFirst(
  answerTurn: AnswerTurn,
  sharing: () => SessionSharing | undefined,
): AnswerTurn {
  return (incoming) => {
    const reading = sharing()?.recall(incoming)
    return reading ? reading.then(() => answerTurn(incoming)) : answerTurn(incoming)
  }
}
