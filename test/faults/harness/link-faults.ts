/**
 * A TCP proxy before the core that does what networks do. It passes TLS through unread, so that the
 * real, pinned link runs over it: a lost acknowledgement is recognised by the order of the flights.
 */
import net, { type Socket } from 'node:net'

export type LinkFault =
  /** Bytes pass. */
  | 'pass'
  /** Connections are refused and the open ones were reset. */
  | 'away'
  /** A request is cut in the middle, then the connection ends. */
  | 'cut'
  /** As before, with a reset instead of an end. */
  | 'reset'
  /** Connections are accepted and held; nothing passes in either direction. */
  | 'black-hole'
  /** Requests reach the core and take effect there; its answers never come back. */
  | 'lose-answers'

export interface LinkFaults {
  readonly port: number
  /** The core moved to another port: it was started again. */
  setTarget(port: number): void
  set(fault: LinkFault): void
  /** The end of a black hole: what was held passes late (true), or both ends are reset (false). */
  endHole(isHeldPassed: boolean): void
  /** Bytes a second in each direction, and a delay before each piece; 0 for none. */
  slow(bytesPerSecond: number, delayMs: number): void
  answersLost(): number
  /** How often a fault met something: a connection, a request, an answer, a piece that was held up. */
  bites(): number
  close(): Promise<void>
}

/** Client bytes after its hello that are surely a request: a TLS 1.3 Finished is 80. */
const MORE_THAN_HANDSHAKE_BYTES = 200
/** The core has committed before the connection is taken away. */
const AFTER_ANSWER_MS = 30

interface Pair {
  readonly down: Socket
  readonly up: Socket
  held: { readonly to: Socket; readonly bytes: Buffer }[]
  downBytes: number
  helloBytes: number
  isLosing: boolean
}

export async function openLinkFaults(): Promise<LinkFaults> {
  let fault: LinkFault = 'pass'
  let target = 0
  let bytesPerSecond = 0
  let delayMs = 0
  let lost = 0
  let bites = 0
  const pairs = new Set<Pair>()

  const server = net.createServer({ noDelay: true }, (down) => {
    if (fault === 'away') {
      bites += 1
      down.on('error', ignore).resetAndDestroy()
      return
    }
    const up = net.connect({ port: target, host: '127.0.0.1', noDelay: true })
    const pair: Pair = { down, up, held: [], downBytes: 0, helloBytes: 0, isLosing: false }
    pairs.add(pair)
    for (const socket of [down, up]) socket.on('error', ignore)
    down.on('data', (bytes: Buffer) => upward(pair, bytes))
    up.on('data', (bytes: Buffer) => downward(pair, bytes))
    down.on('close', () => ended(pair, up))
    up.on('close', () => ended(pair, down))
  })

  /** Through a black hole no end is seen either. */
  function ended(pair: Pair, other: Socket): void {
    if (fault !== 'black-hole') other.end()
    if (pair.down.destroyed && pair.up.destroyed) pairs.delete(pair)
  }

  function upward(pair: Pair, bytes: Buffer): void {
    if (pair.downBytes === 0) pair.helloBytes = bytes.length
    pair.downBytes += bytes.length
    if (fault === 'cut' || fault === 'reset') {
      bites += 1
      pair.up.write(bytes.subarray(0, Math.floor(bytes.length / 2)))
      if (fault === 'reset') resetPair(pair)
      else {
        pair.up.end()
        pair.down.destroy()
      }
      return
    }
    pass(pair, bytes, pair.down, pair.up)
  }

  function downward(pair: Pair, bytes: Buffer): void {
    const isRequestUp = pair.downBytes - pair.helloBytes > MORE_THAN_HANDSHAKE_BYTES
    if (fault !== 'lose-answers' || !isRequestUp) {
      pass(pair, bytes, pair.up, pair.down)
      return
    }
    if (pair.isLosing) return
    pair.isLosing = true
    lost += 1
    bites += 1
    setTimeout(() => resetPair(pair), AFTER_ANSWER_MS)
  }

  function pass(pair: Pair, bytes: Buffer, from: Socket, to: Socket): void {
    if (fault === 'black-hole' || delayMs > 0) bites += 1
    if (fault === 'black-hole') {
      pair.held.push({ to, bytes })
      return
    }
    if (delayMs === 0) send(to, bytes)
    else setTimeout(() => send(to, bytes), delayMs)
    if (bytesPerSecond === 0) return
    from.pause()
    setTimeout(() => from.resume(), (bytes.length * 1000) / bytesPerSecond)
  }

  function resetPair(pair: Pair): void {
    pair.held = []
    pair.down.resetAndDestroy()
    pair.up.destroy()
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('no address')

  return {
    port: address.port,
    setTarget: (port) => {
      target = port
    },
    set: (next) => {
      fault = next
      if (next !== 'away') return
      bites += pairs.size
      for (const pair of pairs) resetPair(pair)
    },
    endHole: (isHeldPassed) => {
      fault = 'pass'
      for (const pair of pairs) {
        if (!isHeldPassed) resetPair(pair)
        for (const { to, bytes } of pair.held.splice(0)) send(to, bytes)
      }
    },
    slow: (rate, delay) => {
      bytesPerSecond = rate
      delayMs = delay
    },
    answersLost: () => lost,
    bites: () => bites,
    close: () =>
      new Promise((resolve) => {
        for (const { down, up } of pairs) {
          down.destroy()
          up.destroy()
        }
        server.close(() => resolve())
      }),
  }
}

function send(to: Socket, bytes: Buffer): void {
  if (!to.destroyed) to.write(bytes)
}

const ignore = (): void => {}
