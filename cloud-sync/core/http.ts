/** HTTP at the core: bodies with limits, answers, problems. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { CLOUD_ERRORS, CloudError, toProblem } from '../errors.ts'
import type { Logger } from '../ports.ts'
import { MAX_BODY_BYTES, MAX_INFLATED_BYTES } from '../protocol/limits.ts'

const inflate = promisify(gunzip)

export interface Incoming {
  readonly method: string
  /** As sent, with its query: what a signature covers. */
  readonly target: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
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

export async function readIncoming(request: IncomingMessage): Promise<Incoming> {
  const target = request.url ?? '/'
  if (!URL.canParse(target, 'http://core')) {
    throw new CloudError('request.invalid', { detail: 'the path is none' })
  }
  const url = new URL(target, 'http://core')
  const body = await readBody(request)
  return {
    method: request.method ?? 'GET',
    target,
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body,
    inflated: () => inflateBody(body, request.headers['content-encoding']),
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > MAX_BODY_BYTES) {
      throw new CloudError('request.too-large', { detail: `more than ${MAX_BODY_BYTES} bytes` })
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
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
