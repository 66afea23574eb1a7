/**
 * What boxes of a site say to each other, over a fabric: frames sealed and numbered, each taken once and in
 * order; who else is there; what was missed.
 */
import type { Clock } from '../clock.ts'
import { BEAT_MS, type Fabric, type FabricStatus } from './fabric.ts'
import { decodeFrame, type Envelope, encodeFrame, type Frame } from './frames.ts'
import type { SiteSeal } from './site-seal.ts'

/** A box that was not heard for so long is gone: five beats. */
const GONE_AFTER_MS = 5 * BEAT_MS

/** What the link knows of the site. */
export type LinkStatus = FabricStatus & {
  readonly name: string
  /** Other boxes heard within `GONE_AFTER_MS`. */
  readonly boxes: readonly string[]
  /** Frames that others numbered and this box did not get, since start. */
  readonly missed: number
  /** Messages that did not open: another site key, or somebody else. */
  readonly notOpened: number
  /** Frames not taken because they were taken before, or are of an earlier run of their box. */
  readonly stale: number
}

export type SiteStatus = LinkStatus & {
  /** See `Crossing.dropped`. */
  readonly dropped: number
}

export interface SiteLink {
  /** To every other box. False: away, nothing was sent. */
  send(frame: Frame): boolean
  onFrame(listener: (frame: Frame, from: Envelope) => void): void
  /** The fabric is there (again): say who is where. */
  onConnected(listener: () => void): void
  /** A box has come (also after it was restarted) or gone. */
  onBox(listener: (box: string, isHere: boolean) => void): void
  /** The last number taken of each box. */
  seen(): Readonly<Record<string, number>>
  /** Number of the last frame of this box. */
  lastNumber(): number
  /** Whether another box listens. */
  hasOthers(): boolean
  isAway(): boolean
  status(): LinkStatus
  close(): void
}

interface Peer {
  run: number
  number: number
  heardMs: number
  isHere: boolean
}

export function createSiteLink(parts: {
  readonly box: string
  /** See `nextSiteRun`. */
  readonly run: number
  readonly name: string
  readonly fabric: Fabric
  readonly seal: SiteSeal
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}): SiteLink {
  const { box, run, fabric, seal, clock } = parts
  const peers = new Map<string, Peer>()
  const listeners: ((frame: Frame, from: Envelope) => void)[] = []
  const connectedListeners: (() => void)[] = []
  const boxListeners: ((box: string, isHere: boolean) => void)[] = []
  let number = 0
  let missed = 0
  let notOpened = 0
  let stale = 0

  const isAway = () => fabric.status().state === 'away'
  const tellBox = (name: string, isHere: boolean) => {
    for (const listener of boxListeners) listener(name, isHere)
  }

  function send(frame: Frame): boolean {
    if (isAway()) return false
    const isSent = fabric.send(encodeFrame({ box, run, number: number + 1, frame }, seal))
    if (isSent) number++
    return isSent
  }

  /** False: it was taken already, or is of an earlier run of that box. */
  function take(envelope: Envelope): boolean {
    const peer = peers.get(envelope.box)
    if (
      peer &&
      (envelope.run < peer.run || (envelope.run === peer.run && envelope.number <= peer.number))
    ) {
      return false
    }
    const isSameRun = peer?.run === envelope.run
    if (isSameRun) missed += envelope.number - peer.number - 1
    const wasHere = peer?.isHere === true && isSameRun
    peers.set(envelope.box, {
      run: envelope.run,
      number: envelope.number,
      heardMs: clock.monotonic(),
      isHere: true,
    })
    if (peer?.isHere && !isSameRun) tellBox(envelope.box, false)
    if (!wasHere) tellBox(envelope.box, true)
    return true
  }

  fabric.onMessage((bytes) => {
    const envelope = decodeFrame(bytes, seal)
    if (!envelope) {
      notOpened++
      return
    }
    if (envelope.box === box) return
    if (!take(envelope)) {
      stale++
      return
    }
    try {
      for (const listener of listeners) listener(envelope.frame, envelope)
    } catch (error) {
      parts.onError(error)
    }
  })
  let isWhole = false
  fabric.onChange((status) => {
    const wasWhole = isWhole
    isWhole = status.state === 'connected' && status.refused === undefined
    // Also where it takes no writes: others are heard. Once more when it does again.
    if (status.state !== 'connected' || (wasWhole && !isWhole)) return
    send({ kind: 'beat', isHello: true })
    for (const listener of connectedListeners) listener()
  })
  const timer = setInterval(() => {
    send({ kind: 'beat', isHello: false })
    for (const [name, peer] of peers) {
      if (!peer.isHere || clock.monotonic() - peer.heardMs < GONE_AFTER_MS) continue
      peer.isHere = false
      tellBox(name, false)
    }
  }, BEAT_MS)
  timer.unref()

  const boxes = () => [...peers].filter(([, peer]) => peer.isHere).map(([name]) => name)
  return {
    send,
    isAway,
    onFrame: (listener) => void listeners.push(listener),
    onConnected: (listener) => void connectedListeners.push(listener),
    onBox: (listener) => void boxListeners.push(listener),
    seen: () => Object.fromEntries([...peers].map(([name, peer]) => [name, peer.number])),
    lastNumber: () => number,
    hasOthers: () => boxes().length > 0,
    status: () => ({
      ...fabric.status(),
      name: parts.name,
      boxes: boxes(),
      missed,
      notOpened,
      stale,
    }),
    close: () => clearInterval(timer),
  }
}
