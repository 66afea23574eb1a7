/** What leaves and arrives, one schema a message. Bodies are JSON but for the batch (MessagePack). */
import { type Static, Type } from '@sinclair/typebox'
import { MAX_BATCH_ENTRIES, MAX_SEQUENCE } from './limits.ts'

export const GatewayId = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
})
const Epoch = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9._-]+$' })
const LaneName = Type.String({ minLength: 1, maxLength: 32, pattern: '^[a-z][a-z0-9-]*$' })
const Nonce = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_-]+$' })
const Sequence = Type.Integer({ minimum: 0, maximum: MAX_SEQUENCE })
const Base64 = (maxLength: number) => Type.String({ maxLength, pattern: '^[A-Za-z0-9+/]+={0,2}$' })

/** `POST /v1/enroll`, signed with the key that is enrolled: proof that the sender holds it. */
export const EnrolRequest = Type.Object({
  gatewayId: GatewayId,
  /** Raw Ed25519 public key, 32 bytes. */
  publicKey: Base64(44),
  enrolToken: Type.String({ minLength: 16, maxLength: 128 }),
  /** C2SP vkey of the gateway's ledger, for cosigning: `name+hash+key`. */
  ledgerKey: Type.Optional(Type.String({ maxLength: 512 })),
})
export type EnrolRequest = Static<typeof EnrolRequest>

export const EnrolAnswer = Type.Object({
  gatewayId: GatewayId,
  /** Raw Ed25519 key that signs packs and orders; the gateway pins it. */
  publisherKey: Base64(44),
  /** C2SP vkey of the core's cosigner; the gateway pins it. */
  cosignerKey: Type.String({ maxLength: 512 }),
})
export type EnrolAnswer = Static<typeof EnrolAnswer>

/**
 * `POST /v1/gateways/{id}/entries`: entries of one lane and epoch, in order. `after` is the mark that
 * the gateway believes the core to have; a batch that starts beyond the core's mark is refused.
 */
export const PushBatch = Type.Object({
  v: Type.Literal(1),
  epoch: Epoch,
  lane: LaneName,
  after: Sequence,
  nonce: Nonce,
  /** `[sequence, leaf index, bytes, disclosed]` */
  entries: Type.Array(
    Type.Tuple([
      Sequence,
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      Type.Uint8Array(),
      Type.Union([Type.Uint8Array(), Type.Null()]),
    ]),
    { minItems: 1, maxItems: MAX_BATCH_ENTRIES },
  ),
})
export type PushBatch = Static<typeof PushBatch>

export const RefusalCode = Type.Union([
  Type.Literal('entry.too-large'),
  Type.Literal('entry.not-msgpack'),
  Type.Literal('entry.mismatch'),
])
export type RefusalCode = Static<typeof RefusalCode>

/** Sent only after the core's commit. `nonce` is read back from the core's store: the echo. */
export const PushAnswer = Type.Object({
  acknowledged: Sequence,
  stored: Type.Integer({ minimum: 0 }),
  duplicates: Type.Integer({ minimum: 0 }),
  /** Duplicates that the core no longer has, so that it cannot tell whether they are the same. */
  unchecked: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Entries of this batch that the core will never take: to be quarantined. */
  refused: Type.Array(Type.Object({ sequence: Sequence, code: RefusalCode })),
  nonce: Nonce,
})
export type PushAnswer = Static<typeof PushAnswer>

/** With status 409 and code `batch.ahead`. */
export const AheadAnswer = Type.Object({
  code: Type.Literal('batch.ahead'),
  acknowledged: Sequence,
})
export type AheadAnswer = Static<typeof AheadAnswer>

/**
 * With status 409 and code `batch.forked`: from this sequence on the core has other entries than those of the
 * batch under the same numbers. What comes before it is the same there as here; nothing was stored.
 */
export const ForkedAnswer = Type.Object({
  code: Type.Literal('batch.forked'),
  fromSequence: Sequence,
})
export type ForkedAnswer = Static<typeof ForkedAnswer>

/** `POST /v1/gateways/{id}/echo` */
export const EchoRequest = Type.Object({ nonce: Nonce })
export type EchoRequest = Static<typeof EchoRequest>
export const EchoAnswer = Type.Object({ nonce: Nonce, atMs: Type.Number() })
export type EchoAnswer = Static<typeof EchoAnswer>

export const ProblemAnswer = Type.Object({
  code: Type.String(),
  title: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
})
export type ProblemAnswer = Static<typeof ProblemAnswer>
