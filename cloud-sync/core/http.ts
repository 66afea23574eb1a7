/** HTTP at the core: bodies with limits, answers, problems. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { CLOUD_ERRORS, CloudError, toProblem } from '../errors.ts'
import type { Logger } from '../ports.ts'
import { MAX_INFLATED_BYTES } from '../protocol/limits.ts'

const inflate = promisify(gunzip)
/** Of a body that was refused: the largest release passes, so that its sender reads why it is too large. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024

/** What is known of a request before its body. */
export interface Head {
  readonly method: string
  /** As sent, with its query: what a signature covers. */
  readonly target: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

export interface Incoming extends Head {
  /** As it travelled: what a signature covers. */
  readonly body: Buffer
  /** Unpacked by its content encoding. Throws `request.invalid` and `request.too-large`. */
  inflated(): Promise<Buffer>
}

export interface Outgoing {
  readonly status: number
  readonly body: string | Buffer
  readonly contentType: string
  readonly headers?: Readonly<Record<string, string>>
}

export function json(value: unknown, status = 200): Outgoing {
  return { status, body: JSON.stringify(value), contentType: 'application/json' }
}

/** Throws `request.invalid`. */
export function readHead({ method = 'GET', url = '/', headers }: IncomingMessage): Head {
  if (!URL.canParse(url, 'http://core')) {
    throw new CloudError('request.invalid', { detail: 'the path is none' })
  }
  const { pathname: path, searchParams: query } = new URL(url, 'http://core')
  return { method, target: url, path, query, headers }
}

/**
 * Resolves with the whole body. `take` is told of each piece before it is kept, and may throw.
 * Throws `request.too-large` above `maxBytes`.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  take: (bytes: number) => void,
): Promise<Buffer> {
  const pieces: Buffer[] = []
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  let length = 0
  for await (const piece of piecesOf(request)) {
    length += piece.length
    if (length > maxBytes) throw tooLarge(maxBytes)
    take(piece.length)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/**
 * Reads on to the end of a body that nobody keeps: whoever is cut off while it sends never reads the
 * answer. Gives up above a bound; then the connection has to be closed.
 */
export async function discardBody(request: IncomingMessage): Promise<void> {
  let length = 0
  try {
    for await (const piece of piecesOf(request)) {
      length += piece.length
      if (length > MAX_DISCARDED_BYTES) return
    }
  } catch {
    // Whoever hung up needs no answer.
  }
}

/** Stopping half-way leaves the connection open for the answer. */
const piecesOf = (request: IncomingMessage): AsyncIterable<Buffer> =>
  request.iterator({ destroyOnReturn: false })

const tooLarge = (maxBytes: number): CloudError =>
  new CloudError('request.too-large', { detail: `more than ${maxBytes} bytes` })

/** What a route gets. */
export function withBody(head: Head, body: Buffer): Incoming {
  return { ...head, body, inflated: () => inflateBody(body, head.headers['content-encoding']) }
}

async function inflateBody(body: Buffer, encoding: string | undefined): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity') return body
  if (encoding !== 'gzip') {
    throw new CloudError('request.invalid', { detail: `content-encoding ${encoding}` })
  }
  try {
    return await inflate(body, { maxOutputLength: MAX_INFLATED_BYTES })
  } catch (cause) {
    throw new CloudError('request.invalid', { cause, detail: 'body: not gzip, or too large' })
  }
}

export function send(response: ServerResponse, { status, body, contentType, headers }: Outgoing) {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(body)
}

/** Of a path in the log; those of the protocol are shorter. */
const MAX_LOGGED_PATH = 200

/** What went wrong, as an answer; what nobody foresaw is logged with whose request it was, and is a 500. */
export function toOutgoing(
  error: unknown,
  { method = '', url = '' }: Pick<IncomingMessage, 'method' | 'url'>,
  logger: Logger,
): Outgoing {
  if (!(error instanceof CloudError)) {
    logger.error(
      { error, request: `${method} ${url.slice(0, MAX_LOGGED_PATH)}` },
      'a request failed',
    )
  }
  const known = error instanceof CloudError ? error : new CloudError('core.failed')
  if (known.code === 'core.storage') logger.error({ error: known }, 'the disk refused a write')
  const headers: Record<string, string> = {}
  if (known.code === 'operator.refused') {
    headers['www-authenticate'] = 'Basic realm="Kefu Edge cloud core", charset="UTF-8"'
  }
  if (known.code === 'core.busy') headers['retry-after'] = '1'
  return {
    status: CLOUD_ERRORS[known.code].status,
    body: JSON.stringify(toProblem(known)),
    contentType: 'application/problem+json',
    headers,
  }
}
