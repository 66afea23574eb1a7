/** How the tools of an operator reach the core: over HTTPS, with its token and its own authority. */
import { request } from 'node:https'
import { CLOUD_ERRORS, CloudError, type CloudErrorCode } from '../../errors.ts'
import { ProblemAnswer } from '../../protocol/messages.ts'
import { parseJson } from '../../protocol/parse.ts'

export interface CoreAccess {
  readonly url: string
  /** Authority of the core's certificate, PEM. */
  readonly caPem: Buffer
  /** Content of operator.token. */
  readonly token: string
}

/**
 * Resolves with the body of a 2xx. Throws `link.untrusted`, `link.certificate-term`, `link.no-answer`, or what the core says
 * against the request, in its own words.
 */
export function callCore(
  core: CoreAccess,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Buffer> {
  const { url, caPem, token } = core
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, headers, ca: caPem }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('end', () => {
        const text = Buffer.concat(pieces)
        if ((answer.statusCode ?? 500) < 300) resolve(text)
        else reject(new Refused(answer.statusCode, text))
      })
    })
    outgoing.on('error', (cause) => {
      reject(new CloudError(codeOf(cause), { detail: `${url}: ${cause.message}`, cause }))
    })
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** By OpenSSL's code for a certificate that does not count. */
function codeOf({ code = '' }: NodeJS.ErrnoException): CloudErrorCode {
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') return 'link.certificate-term'
  return /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_|ISSUER/.test(code)
    ? 'link.untrusted'
    : 'link.no-answer'
}

/** The core's own words for what it does not do. */
class Refused extends Error {
  constructor(status: number | undefined, body: Buffer) {
    const problem = parseJson(ProblemAnswer, body)
    super(
      problem.ok
        ? `${problem.value.title ?? problem.value.code}: ${problem.value.detail ?? ''}`
        : `The core answers ${status}: ${body.toString()}`,
    )
  }
}

/** Uses a file that was named; throws `code` with its name where the system refuses it. */
export function usingFile<T>(code: CloudErrorCode, name: string, use: () => T): T {
  try {
    return use()
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw new CloudError(code, { detail: `${name}: ${why}`, cause })
  }
}

/** What happened and what to do, for a terminal. */
export function textOf(error: unknown): string {
  if (!(error instanceof CloudError)) return error instanceof Error ? error.message : String(error)
  return `${error.message}\n  ${CLOUD_ERRORS[error.code].next}`
}
