/** The one error class of the gateway, and how a device sees it; every code stands in `error-table.ts`. */
import type { Problem } from '@kefu-edge/device-sdk/protocol/schemas'
import { ERRORS, type ErrorCode } from './error-table.ts'

export interface ErrorDetails {
  readonly detail?: string
  /** JSON Pointer of the field that was wrong. */
  readonly field?: string
  readonly inReplyTo?: string
  readonly cause?: unknown
}

/** The one error class of the gateway; what is not expected by the caller travels as this. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const text = details.detail ? `${ERRORS[code].title}: ${details.detail}` : ERRORS[code].title
    super(text, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'GatewayError'
    this.code = code
    this.details = details
  }

  /** The same refusal as the reply to this message. */
  inReplyTo(id: string | undefined): GatewayError {
    if (id === undefined || this.details.inReplyTo !== undefined) return this
    return new GatewayError(this.code, { ...this.details, inReplyTo: id })
  }
}

/** Whatever was thrown, as the error of a code: what nobody has named is `internal`, with its cause. */
export const asGatewayError = (error: unknown): GatewayError =>
  error instanceof GatewayError ? error : new GatewayError('internal', { cause: error })

/** The code of whatever was thrown. */
export const codeOf = (error: unknown): ErrorCode =>
  error instanceof GatewayError ? error.code : 'internal'

/** Not a refusal but a mistake of ours: it belongs into the log, with its cause. */
export const isInternal = (error: unknown): boolean => codeOf(error) === 'internal'

/** The refusal as the device sees it. Causes stay inside. */
export function toProblem(error: unknown, inReplyTo?: string): Problem {
  const known = asGatewayError(error)
  const entry = ERRORS[known.code]
  const reply = known.details.inReplyTo ?? inReplyTo
  const next = entry.next.replace('{detail}', known.details.detail ?? '')
  return {
    type: `urn:kefu:problem:${known.code}`,
    title: entry.title,
    status: entry.status,
    detail: known.details.detail ? `${known.details.detail}. ${next}` : next,
    code: known.code,
    ...(reply === undefined ? {} : { inReplyTo: reply }),
    ...(known.details.field === undefined ? {} : { field: known.details.field }),
  }
}
