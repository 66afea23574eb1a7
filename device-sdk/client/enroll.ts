import { Credentials, type EnrollRequest, Problem } from '../protocol/schemas.ts'
import { DeviceClientError, ProblemError } from './errors.ts'
import { checkMessage } from './read-message.ts'

/** Enrolment is one short request by a person who stands in front of the device. */
const ENROLL_TIMEOUT_MS = 10_000

/** One HTTP request; how it is made differs between the browser and Node. */
export type PostJson = (
  url: URL,
  json: string,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly text: string }>

export const browserPost: PostJson = async (url, body, signal) => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body, signal })
  return { status: response.status, text: await response.text() }
}

/** As `enroll` of the package does. Throws ProblemError, `client.link-failed`, `client.unreadable`. */
export async function enrollOver(
  post: PostJson,
  gateway: string,
  request: EnrollRequest,
): Promise<Credentials> {
  let status: number
  let body: unknown
  try {
    const url = new URL('/v1/enroll', gateway)
    const signal = AbortSignal.timeout(ENROLL_TIMEOUT_MS)
    const reply = await post(url, JSON.stringify(request), signal)
    status = reply.status
    body = JSON.parse(reply.text)
  } catch (error) {
    throw new DeviceClientError('client.link-failed', gateway, error)
  }
  if (status >= 300) throw new ProblemError(checkMessage(Problem, body, 'client.unreadable'))
  return checkMessage(Credentials, body, 'client.unreadable')
}
