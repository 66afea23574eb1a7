/** Makes the gateway known to the core, once; what the core answers is pinned by the caller. */
import { CLOUD_ERRORS, type CloudErrorCode } from './errors.ts'
import type { Identity } from './identity.ts'
import type { Link } from './ports.ts'
import { EnrolAnswer, type EnrolRequest, ProblemAnswer } from './protocol/messages.ts'
import { parseJson } from './protocol/parse.ts'

export type Enrolled =
  | { readonly kind: 'enrolled'; readonly answer: EnrolAnswer }
  | { readonly kind: 'refused'; readonly code: CloudErrorCode; readonly detail: string }
  | { readonly kind: 'no-answer'; readonly detail: string }

/** The same key again is no error, so this may be repeated until it answers. */
export async function enrol(
  link: Link,
  identity: Identity,
  enrolToken: string,
  options: { readonly ledgerKey?: string; readonly signal?: AbortSignal } = {},
): Promise<Enrolled> {
  const request: EnrolRequest = {
    gatewayId: identity.gatewayId,
    publicKey: identity.publicKey.toString('base64'),
    enrolToken,
    ...(options.ledgerKey ? { ledgerKey: options.ledgerKey } : {}),
  }
  const result = await link.request({
    method: 'POST',
    path: '/v1/enroll',
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify(request)),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  if (result.kind === 'failure') return { kind: 'no-answer', detail: result.detail }
  const answer = parseJson(EnrolAnswer, result.body)
  if (result.status === 200 && answer.ok && answer.value.gatewayId === identity.gatewayId) {
    return { kind: 'enrolled', answer: answer.value }
  }
  const problem = parseJson(ProblemAnswer, result.body)
  if (problem.ok && isCode(problem.value.code)) {
    const { code, detail, title } = problem.value
    return { kind: 'refused', code, detail: detail ?? title ?? code }
  }
  return { kind: 'no-answer', detail: `status ${result.status}` }
}

function isCode(code: string): code is CloudErrorCode {
  return code in CLOUD_ERRORS
}
