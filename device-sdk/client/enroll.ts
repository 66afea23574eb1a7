import { Credentials, type EnrollRequest, Problem } from '../protocol/schemas.ts'
import { DeviceClientError, ProblemError } from './errors.ts'
import { checkMessage } from './read-message.ts'

/** Enrolment is one short request by a person who stands in front of the device. */
const ENROLL_TIMEOUT_MS = 10_000

/**
 * Exchanges a claim code for the device's credentials; keep them, a claim is good once.
 *
 * `gateway` is the HTTP address, such as `http://192.168.1.20:8080`. Throws ProblemError
 * (`enroll.claim-refused` …) or `client.link-failed`.
 */
export async function enroll(gateway: string, request: EnrollRequest): Promise<Credentials> {
  let response: Response
  let body: unknown
  try {
    response = await fetch(new URL('/v1/enroll', gateway), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(ENROLL_TIMEOUT_MS),
    })
    body = await response.json()
  } catch (error) {
    throw new DeviceClientError('client.link-failed', gateway, error)
  }
  if (!response.ok) throw new ProblemError(checkMessage(Problem, body, 'client.unreadable'))
  return checkMessage(Credentials, body, 'client.unreadable')
}
