/**
 * The cosigner: remembers the newest tree head of each gateway's ledger and puts its name only under one
 * that extends it (C2SP tlog-witness, cosignature/v1). So a gateway cannot show the core one past and an
 * auditor another.
 */
import type { KeyObject } from 'node:crypto'
import { CloudError } from '../errors.ts'
import type { Clock, Logger } from '../ports.ts'
import {
  type Checkpoint,
  checkpointTime,
  isConsistent,
  type WitnessRequest,
} from '../protocol/checkpoint.ts'
import { cosign, isSignedBy, parseVerifierKey } from '../protocol/signed-note.ts'
import type { Gateway } from './gateways.ts'
import type { KnownHead, LogHeads } from './log-heads.ts'
import type { CoreStore } from './storage.ts'

export type Cosigned =
  | { readonly kind: 'cosigned'; readonly lines: string }
  /** The log is to prove from this size on. */
  | { readonly kind: 'conflict'; readonly size: number }

/** What a checkpoint is to what was cosigned before. */
type Step =
  | Extract<Cosigned, { kind: 'conflict' }>
  | { readonly kind: 'extends' }
  | { readonly kind: 'without'; readonly lost: KnownHead; readonly isBack: boolean }

export interface Cosigner {
  /** Throws `checkpoint.invalid` and `checkpoint.inconsistent`. */
  add(gateway: Gateway, request: WitnessRequest): Promise<Cosigned>
}

export function createCosigner(options: {
  readonly store: CoreStore
  readonly heads: LogHeads
  readonly name: string
  readonly privateKey: KeyObject
  readonly clock: Clock
  readonly logger: Logger
}): Cosigner {
  const { store, heads, name, privateKey, clock, logger } = options

  /** The origin begins with the gateway's own name: no gateway speaks for another's log. */
  function checkOwner(gateway: Gateway, { note, checkpoint }: WitnessRequest): void {
    const verifier = gateway.ledgerKey ? parseVerifierKey(gateway.ledgerKey) : undefined
    if (!verifier) {
      throw new CloudError('checkpoint.invalid', { detail: 'no ledger key was enrolled' })
    }
    const { origin } = checkpoint
    if (origin !== verifier.name && !origin.startsWith(`${verifier.name}/`)) {
      throw new CloudError('checkpoint.invalid', { detail: `origin ${origin}` })
    }
    if (!isSignedBy(note, verifier)) {
      throw new CloudError('checkpoint.invalid', { detail: 'not signed with the enrolled key' })
    }
  }

  async function markBroken(
    gateway: Gateway,
    { origin, size }: Checkpoint,
    reason: string,
  ): Promise<void> {
    logger.error({ gateway: gateway.id, origin, reason }, 'a ledger does not extend its past')
    await store.commit(() => heads.markBroken(gateway.no, origin, size, reason))
  }

  async function goOn(gateway: Gateway, request: WitnessRequest, own: KnownHead): Promise<Step> {
    const { checkpoint, proof, old, note } = request
    const { origin, size, root } = checkpoint
    if (size < own.size && isLater(note.text, own.note)) {
      const reason = `cut: ${own.size} entries were cosigned, now it has ${size}`
      await markBroken(gateway, checkpoint, reason)
    }
    // Smaller than the last one: a request that was held up on the way, or a ledger that was cut. Either way
    // the head stays, so no cut can be cosigned; the gateway is told the size and knows which.
    if (old !== own.size || own.size > size) return { kind: 'conflict', size: own.size }
    const before = { size: own.size, root: Buffer.from(own.root) }
    const isSame = own.size === size && own.size > 0
    const holds = isSame
      ? proof.length === 0 && before.root.equals(root)
      : isConsistent(before, checkpoint, proof)
    if (!holds) {
      const reason = `size ${size} does not extend size ${own.size}`
      await markBroken(gateway, checkpoint, reason)
      throw new CloudError('checkpoint.inconsistent', { detail: reason })
    }
    const newest = heads.newest(gateway.no)
    if (newest === undefined || newest.origin === origin || size === own.size) {
      return { kind: 'extends' }
    }
    // An epoch that was over goes on: the folder was put back from before the later one, or this was held up.
    if (isLater(newest.note, note.text)) return { kind: 'conflict', size: own.size }
    return { kind: 'without', lost: newest, isBack: true }
  }

  /** The first head of an epoch extends the last one of the epoch before: the tree is one. */
  function begin({ checkpoint, proof, old }: WitnessRequest, newest: KnownHead | undefined): Step {
    const size = newest?.size ?? 0
    const isLess = checkpoint.size < size
    if (!isLess && old !== size) return { kind: 'conflict', size }
    const before = { size, root: Buffer.from(newest?.root ?? []) }
    if (!isLess && isConsistent(before, checkpoint, proof)) return { kind: 'extends' }
    if (newest) return { kind: 'without', lost: newest, isBack: false }
    throw new CloudError('checkpoint.invalid', { detail: 'a proof from nothing' })
  }

  /**
   * What is not explained is witnessed, so that it cannot be changed again, and not cosigned; nor is what
   * goes on from it in a later epoch, which lacks the same.
   */
  function checkExplained(gateway: Gateway): void {
    const unexplained = heads.unexplained(gateway.no)
    if (!unexplained) return
    const { origin, lost } = unexplained
    if (lost.word === 'pending') {
      throw new CloudError('core.busy', { detail: `the first entry of ${origin} has not come yet` })
    }
    const { size, atLeast, reason } = lost
    const why = reason === null ? '' : `, opened as "${reason}",`
    const detail = `the epoch ${epochOf(origin)}${why} goes on without at least ${atLeast} of the ${size} entries that were cosigned in epoch ${epochOf(lost.origin)}, and does not say so`
    logger.error({ gateway: gateway.id, origin, lost }, 'a record goes on without cosigned entries')
    throw new CloudError('checkpoint.inconsistent', { detail })
  }

  return {
    async add(gateway, request) {
      checkOwner(gateway, request)
      const { checkpoint, old, note } = request
      const { origin, size } = checkpoint
      if (old > size) throw new CloudError('checkpoint.invalid', { detail: `old ${old} > ${size}` })
      const own = heads.find(gateway.no, origin)
      const newest = heads.newest(gateway.no)
      const step = own ? await goOn(gateway, request, own) : begin(request, newest)
      if (step.kind === 'conflict') return step
      await store.commit(() => {
        // Another request of the same gateway may have come first meanwhile.
        const isMoved =
          heads.find(gateway.no, origin)?.size !== own?.size ||
          heads.newest(gateway.no)?.origin !== newest?.origin
        if (isMoved) throw new CloudError('core.busy')
        heads.save(gateway.no, checkpoint, note.text)
        if (step.kind === 'without') heads.markLost(gateway.no, origin, step.lost, step.isBack)
      })
      checkExplained(gateway)
      // Remembered before it is signed: a crash between leaves a head without a line, never the reverse.
      return { kind: 'cosigned', lines: cosign(note.text, name, privateKey, clock.now()) }
    },
  }
}

const epochOf = (origin: string): string => origin.slice(origin.lastIndexOf('/') + 1)

/** By the time that the gateway signed in: what was held up on the way is older than what came after it. */
function isLater(one: string, other: string): boolean {
  const [a, b] = [checkpointTime(one), checkpointTime(other)]
  return a !== undefined && b !== undefined && a > b
}
