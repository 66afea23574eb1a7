import type { Problem } from '../protocol/schemas.ts'

/** The gateway refused a message, and said why. `code` is stable; see the contract for the list. */
export class ProblemError extends Error {
  readonly code: string
  readonly problem: Problem

  constructor(problem: Problem) {
    super(`${problem.title} (${problem.code}): ${problem.detail}`)
    this.name = 'ProblemError'
    this.code = problem.code
    this.problem = problem
  }
}

/** What can go wrong on the device's side of the link, and what to do about it. */
export const CLIENT_ERRORS = {
  'client.timeout': 'No answer came in time. The gateway is away or slow; ask again.',
  'client.aborted': 'The caller gave up waiting.',
  'client.closed': 'The client was closed.',
  'client.queue-full':
    'The offline queue is full. Raise `queueLimits`, or choose whenFull: "drop-oldest".',
  'client.too-large':
    'The message is larger than a gateway reads, or than the whole offline queue may be: send less at once.',
  'client.invalid': 'The message does not fit the contract; the field is named.',
  'client.bad-url': 'Use mqtt://, mqtts://, ws://…/mqtt, or ws://…/v1/ws (wss:// with TLS).',
  'client.not-subscribed':
    'The rights of the device at the gateway leave this topic out: what is told there is not heard.',
  'client.link-failed': 'The gateway cannot be reached; the client keeps trying.',
  'client.unreadable': 'The gateway sent a message that does not fit the contract.',
  'client.storage': 'The offline queue cannot be read or written.',
} as const
export type ClientErrorCode = keyof typeof CLIENT_ERRORS

/** A failure on the device's side; what the gateway refuses travels as ProblemError. */
export class DeviceClientError extends Error {
  readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, detail = '', cause?: unknown) {
    super(
      `${code}: ${CLIENT_ERRORS[code]}${detail === '' ? '' : ` ${detail}`}`,
      cause === undefined ? undefined : { cause },
    )
    this.name = 'DeviceClientError'
    this.code = code
  }
}

/** A failure of the device's side in the form of the gateway's refusals, for one handler of both. */
export function localProblem(code: ClientErrorCode, detail: string, inReplyTo?: string): Problem {
  return {
    type: `urn:kefu:problem:${code}`,
    title: CLIENT_ERRORS[code],
    status: 400,
    detail,
    code,
    ...(inReplyTo === undefined ? {} : { inReplyTo }),
  }
}

/** A refusal of which the transport told no more than its reason code. */
export const refusedByLink = (inReplyTo: string, reason: string): Problem => ({
  type: 'urn:kefu:problem:message.refused',
  title: 'The gateway refused the message',
  status: 422,
  detail: reason,
  code: 'message.refused',
  inReplyTo,
})

/** Refusals that pass by themselves: sent again later, with the same id. */
export const isPassing = (problem: Problem): boolean =>
  problem.status === 408 || problem.status === 429 || problem.status >= 500
