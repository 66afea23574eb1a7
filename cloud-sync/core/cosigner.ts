/**
 * The cosigner: remembers the newest tree head of each gateway's ledger and puts its name only under one
 * that extends it (C2SP tlog-witness, cosignature/v1). So a gateway cannot show the core one past and an
 * auditor another.
 */
import type { KeyObject } from 'node:crypto'
import { CloudError } from '../errors.ts'
import type { Clock, Logger } from '../ports.ts'
import { isConsistent, type WitnessRequest } from '../protocol/checkpoint.ts'
import { cosign, isSignedBy, parseVerifierKey } from '../protocol/signed-note.ts'
import type { Gateway } from './gateways.ts'
import type { CoreStore } from './storage.ts'

export type Cosigned =
  | { readonly kind: 'cosigned'; readonly lines: string }
  /** The log is to prove from this size on. */
  | { readonly kind: 'conflict'; readonly size: number }

export interface LogHead {
  readonly gatewayId: string
  readonly origin: string
  readonly size: number
  readonly root: string
  readonly atMs: number
  /** Somebody showed a head that does not extend this one. */
  readonly brokenReason: string | null
}

export interface Cosigner {
  /** Throws `checkpoint.invalid` and `checkpoint.inconsistent`. */
  add(gateway: Gateway, request: WitnessRequest): Promise<Cosigned>
  heads(limit: number): readonly LogHead[]
}

interface HeadRow {
  size: number
  root: Uint8Array
}

export function createCosigner(options: {
  readonly store: CoreStore
  readonly name: string
  readonly privateKey: KeyObject
  readonly clock: Clock
  readonly logger: Logger
}): Cosigner {
  const { store, name, privateKey, clock, logger } = options
  const find = store.prepare<HeadRow>(
    'SELECT size, root FROM log_head WHERE gateway_no = ? AND origin = ?',
  )
  const save = store.prepare(
    `INSERT INTO log_head (gateway_no, origin, size, root, note, at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note,
       at = excluded.at`,
  )
  const markBroken = store.prepare(
    `UPDATE log_head SET broken_reason = coalesce(broken_reason, ?)
     WHERE gateway_no = ? AND origin = ?`,
  )
  const heads = store.prepare<LogHead>(
    `SELECT gateway.id AS gatewayId, origin, size, hex(root) AS root, at AS atMs,
       broken_reason AS brokenReason
     FROM log_head JOIN gateway ON gateway.no = gateway_no ORDER BY gateway.id, at LIMIT ?`,
  )

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

  async function refuse(gateway: Gateway, origin: string, reason: string): Promise<never> {
    logger.error({ gateway: gateway.id, origin, reason }, 'a ledger does not extend its past')
    await store.commit(() => markBroken.run(reason, gateway.no, origin))
    throw new CloudError('checkpoint.inconsistent', { detail: reason })
  }

  return {
    async add(gateway, request) {
      checkOwner(gateway, request)
      const { checkpoint, proof, old, note } = request
      const { origin, size, root } = checkpoint
      if (old > size) throw new CloudError('checkpoint.invalid', { detail: `old ${old} > ${size}` })
      const head = find.get(gateway.no, origin) ?? { size: 0, root: new Uint8Array() }
      // Smaller than the last one: a request that was held up on the way, or a ledger that was cut. The
      // gateway is told the size and knows which; the head stays, so no cut can be cosigned either way.
      if (old !== head.size || head.size > size) return { kind: 'conflict', size: head.size }
      const before = { size: head.size, root: Buffer.from(head.root) }
      const isSame = head.size === size && head.size > 0
      const holds = isSame
        ? proof.length === 0 && before.root.equals(root)
        : isConsistent(before, checkpoint, proof)
      if (!holds) return refuse(gateway, origin, `size ${size} does not extend size ${head.size}`)
      const nowMs = clock.now()
      await store.commit(() => {
        // Another request of the same log may have come first meanwhile.
        const now = find.get(gateway.no, origin)
        if ((now?.size ?? 0) !== head.size) throw new CloudError('core.busy')
        save.run(gateway.no, origin, size, root, note.text, nowMs)
      })
      // Remembered before it is signed: a crash between leaves a head without a line, never the reverse.
      return { kind: 'cosigned', lines: cosign(note.text, name, privateKey, nowMs) }
    },
    heads: (limit) => heads.all(limit),
  }
}
