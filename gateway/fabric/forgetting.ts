/**
 * Erasures told to the other boxes until each must have heard: one that was away or restarting at that moment
 * still has the person's conversation, and would give it back to the site with his next ask.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'
import type { SiteLink } from './site-link.ts'

export interface Forgetting {
  /** Tells it now, and again to whoever comes, for as long as a conversation may rest. */
  tell(subject: Subject): void
}

export function createForgetting(parts: {
  readonly link: SiteLink
  readonly clock: Clock
  /** How long a session may rest before it is over by itself. */
  readonly idleMs: number
  /** Another box has erased the person; told once for each erasure. */
  readonly onForget: (subject: Subject) => void
}): Forgetting {
  const { link, clock, idleMs } = parts
  const told = new Map<string, { readonly subject: Subject; readonly untilMs: number }>()
  const heard = new Map<string, number>()

  function dropOld(): void {
    const nowMs = clock.monotonic()
    for (const [id, { untilMs }] of told) if (untilMs < nowMs) told.delete(id)
    for (const [id, untilMs] of heard) if (untilMs < nowMs) heard.delete(id)
  }

  function tellAgain(): void {
    dropOld()
    for (const [id, { subject }] of told) link.send({ kind: 'forget', subject, id })
  }

  link.onConnected(tellAgain)
  link.onBox((_, isHere) => {
    if (isHere) tellAgain()
  })
  link.onFrame((frame) => {
    if (frame.kind !== 'forget') return
    dropOld()
    // What was begun after the erasure is not forgotten by a repetition of it.
    if (frame.id !== undefined && heard.has(frame.id)) return
    if (frame.id !== undefined) heard.set(frame.id, clock.monotonic() + idleMs)
    parts.onForget(frame.subject)
  })

  return {
    tell(subject) {
      dropOld()
      const id = newId(clock.now())
      told.set(id, { subject, untilMs: clock.monotonic() + idleMs })
      link.send({ kind: 'forget', subject, id })
    },
  }
}
