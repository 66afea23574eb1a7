/** Sends one batch and says what became of it; decides nothing. */

import type { Link, LinkFailure, LinkRequest } from './ports.ts'
import { AheadAnswer, ForkedAnswer, ProblemAnswer, PushAnswer } from './protocol/messages.ts'
import { parseJson } from './protocol/parse.ts'
import type { BatchHead, EncodedBatch } from './push-batch.ts'

export type Delivery =
  /** In the core's store: everything up to `acknowledged` but the refused ones. */
  | {
      readonly kind: 'stored'
      readonly acknowledged: number
      readonly refused: PushAnswer['refused']
      /** The core could not compare all that it had already. */
      readonly isUnchecked: boolean
    }
  /** The core has less than the gateway believed. */
  | { readonly kind: 'ahead'; readonly acknowledged: number }
  /** The core has what comes before; from here on it has other entries under the same numbers. */
  | { readonly kind: 'forked'; readonly fromSequence: number }
  /** The core does not know this gateway (any more). */
  | { readonly kind: 'unknown-gateway' }
  /** The core read the batch and will not take it as it is. */
  | { readonly kind: 'unacceptable'; readonly code: string; readonly detail: string }
  /** Something between here and the core refuses a request of this size; the core never saw it. */
  | { readonly kind: 'too-large'; readonly detail: string }
  /** The core failed at it; perhaps at this batch, perhaps at all. */
  | {
      readonly kind: 'core-failed'
      readonly code: string
      readonly detail: string
      readonly retryAfterMs: number
      /** It broke while working on this batch: the batch may be the cause. */
      readonly isAtBatch: boolean
    }
  | { readonly kind: 'no-answer'; readonly failure: LinkFailure; readonly detail: string }

export interface SendLimits extends Pick<LinkRequest, 'sockets'> {
  readonly stallTimeoutMs: number
  readonly signal: AbortSignal
}

/** Codes of our own core; a 4xx of a proxy on the way says nothing of the entries. */
const UNACCEPTABLE = new Set(['request.invalid', 'request.too-large'])
/** RFC 9110, 15.5.14. */
const CONTENT_TOO_LARGE = 413

export async function deliver(
  link: Link,
  gatewayId: string,
  batch: BatchHead,
  encoded: EncodedBatch,
  nonce: string,
  limits: SendLimits,
): Promise<Delivery> {
  const result = await link.request({
    method: 'POST',
    path: `/v1/gateways/${gatewayId}/entries`,
    contentType: 'application/msgpack',
    ...encoded,
    ...limits,
  })
  if (result.kind === 'failure') {
    return { kind: 'no-answer', failure: result.failure, detail: result.detail }
  }
  if (result.status === 200) return readStored(result.body, batch, nonce)
  if (result.status === 409) {
    const ahead = parseJson(AheadAnswer, result.body)
    if (ahead.ok) return { kind: 'ahead', acknowledged: ahead.value.acknowledged }
    const forked = parseJson(ForkedAnswer, result.body)
    if (forked.ok && isWithin(batch, forked.value.fromSequence)) {
      return { kind: 'forked', fromSequence: forked.value.fromSequence }
    }
  }
  const problem = parseJson(ProblemAnswer, result.body)
  const code = problem.ok ? problem.value.code : `http.${result.status}`
  const detail = (problem.ok && problem.value.detail) || `status ${result.status}`
  if (code === 'gateway.unknown') return { kind: 'unknown-gateway' }
  if (UNACCEPTABLE.has(code)) return { kind: 'unacceptable', code, detail }
  if (result.status === CONTENT_TOO_LARGE) {
    return { kind: 'too-large', detail: `a request of ${encoded.body.length} bytes` }
  }
  return {
    kind: 'core-failed',
    code,
    detail,
    retryAfterMs: result.retryAfterMs ?? 0,
    isAtBatch: code === 'core.failed',
  }
}

const isWithin = ({ firstSequence, lastSequence }: BatchHead, sequence: number): boolean =>
  sequence >= firstSequence && sequence <= lastSequence

/** An answer of another core, another batch or a captive portal must never count as kept. */
function readStored(body: Buffer, batch: BatchHead, nonce: string): Delivery {
  const answer = parseJson(PushAnswer, body)
  const isOurs =
    answer.ok && answer.value.nonce === nonce && answer.value.acknowledged >= batch.lastSequence
  if (!isOurs) {
    const detail = answer.ok ? 'the answer is not to this batch' : answer.detail
    return {
      kind: 'core-failed',
      code: 'request.invalid',
      detail,
      retryAfterMs: 0,
      isAtBatch: false,
    }
  }
  const { acknowledged, refused, unchecked = 0 } = answer.value
  return { kind: 'stored', acknowledged, refused, isUnchecked: unchecked > 0 }
}
