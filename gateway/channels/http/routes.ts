/** The HTTP addresses of the contract. */
import { EnrollRequest, MAX_MESSAGE_BYTES } from '@kefu-edge/device-sdk/protocol/schemas'
import { Value } from '@sinclair/typebox/value'
import { Packr } from 'msgpackr'
import type { Admission } from '../../devices/admission.ts'
import { GatewayError, isInternal, toProblem } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { invalidMessage } from '../../schema-wording.ts'
import type { Device } from '../../turn.ts'
import type { Inbox } from '../inbox.ts'
import { decodeMap, type Encoding, parseMessage } from '../parse-message.ts'
import type { HttpReply, HttpRequest, HttpRoutes } from './server.ts'

export interface Health {
  readonly ok: boolean
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>
}

/** A part of the port that another room serves: the console, the admin API. */
export type Mount = (request: HttpRequest) => HttpReply | Promise<HttpReply> | undefined

export interface RouteParts {
  readonly inbox: Inbox
  readonly admission: Admission
  readonly health: () => Health
  readonly metricsPage: () => Promise<string>
  /** Credentials for a claim code; throws `enroll.claim-refused`. */
  readonly enroll: (request: { claim: string; deviceId?: string }) => Promise<object>
  /** The sound of a speech, where an engine makes it and the device may hear it. */
  readonly sound: (
    speechId: string,
    deviceId: string,
  ) => Promise<{ contentType: string; bytes: Uint8Array } | undefined>
  readonly mounts: readonly Mount[]
  readonly logger: Logger
}

type Handler = (request: HttpRequest) => HttpReply | Promise<HttpReply>

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' } as const
/** What is under an id never changes; it was said to this device alone. */
const SOUND_CACHING = 'private, max-age=86400, immutable'
const packr = new Packr({ useRecords: false })

export const json = (status: number, body: unknown): HttpReply => ({
  status,
  headers: JSON_TYPE,
  body: JSON.stringify(body),
})

export function problemReply(error: unknown, inReplyTo?: string): HttpReply {
  const problem = toProblem(error, inReplyTo)
  return {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(problem.status === 401 ? { 'www-authenticate': 'Bearer realm="kefu-edge"' } : {}),
    },
    body: JSON.stringify(problem),
  }
}

export function createRoutes(parts: RouteParts): HttpRoutes {
  const routes = new Map<string, Readonly<Record<string, Handler>>>([
    ['/v1/ask', { POST: (request) => ask(parts, request) }],
    ['/v1/enroll', { POST: (request) => enroll(parts, request) }],
    ['/healthz', { GET: () => health(parts.health(), true) }],
    ['/readyz', { GET: () => health(parts.health(), false) }],
    ['/metrics', { GET: () => metrics(parts) }],
  ])

  function find(request: HttpRequest): HttpReply | Promise<HttpReply> {
    if (request.isUncertified && request.path.startsWith('/v1/')) {
      throw new GatewayError('auth.no-certificate')
    }
    const methods = routes.get(request.path)
    if (methods) {
      const handler = methods[request.method === 'HEAD' ? 'GET' : request.method]
      if (handler) return handler(request)
      const allow = Object.keys(methods).join(', ')
      const refused = problemReply(new GatewayError('http.method-not-allowed', { detail: allow }))
      return { ...refused, headers: { ...refused.headers, allow } }
    }
    for (const mount of parts.mounts) {
      const reply = mount(request)
      if (reply) return reply
    }
    const speech = /^\/v1\/speech\/([\x21-\x2e\x30-\x7e]{1,64})\/audio$/.exec(request.path)?.[1]
    if (speech !== undefined) return sound(parts, request, decoded(speech))
    return problemReply(new GatewayError('http.not-found', { detail: request.path.slice(0, 200) }))
  }

  const failed = (error: unknown): HttpReply => {
    if (isInternal(error)) parts.logger.error({ error }, 'request failed')
    return problemReply(error)
  }

  return {
    maxBodyBytes: MAX_MESSAGE_BYTES,
    tooLarge: (maxBytes) =>
      problemReply(
        new GatewayError('message.too-large', { detail: `at most ${maxBytes} bytes are read` }),
      ),
    handle(request) {
      try {
        const reply = find(request)
        return reply instanceof Promise ? reply.catch(failed) : reply
      } catch (error) {
        return failed(error)
      }
    },
  }
}

function encodingOf(request: HttpRequest): Encoding {
  const type =
    request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? 'application/json'
  if (type === 'application/json') return 'json'
  if (type === 'application/msgpack' || type === 'application/x-msgpack') return 'msgpack'
  throw new GatewayError('http.unsupported-media-type', { detail: type.slice(0, 100) })
}

/** RFC 6750: a token; RFC 7617: a device id with its token or password. Anything else is no login. */
const BEARER = /^Bearer +([\x21-\x7e]+)$/i
const BASIC = /^Basic +([A-Za-z0-9+/=]+)$/i

/** Who asks. A 401 names Bearer alone: a browser told of Basic would put its own window before the page's. */
function login({ admission }: RouteParts, request: HttpRequest): Device | Promise<Device> {
  const { remoteAddress, headers } = request
  const authorization = headers.authorization ?? ''
  const [, encoded] = BASIC.exec(authorization) ?? []
  if (encoded === undefined) {
    return admission.admit({ token: BEARER.exec(authorization)?.[1], remoteAddress })
  }
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) throw new GatewayError('auth.missing')
  const deviceId = text.slice(0, colon)
  return admission.login({ deviceId, token: text.slice(colon + 1), remoteAddress })
}

async function ask(parts: RouteParts, request: HttpRequest): Promise<HttpReply> {
  const known = login(parts, request)
  const device = known instanceof Promise ? await known : known
  const encoding = encodingOf(request)
  const answer = await parts.inbox.receive(
    device,
    'http',
    parseMessage('ask', request.body, encoding),
  )
  if (encoding === 'json') return json(200, answer)
  return {
    status: 200,
    headers: { 'content-type': 'application/msgpack' },
    body: packr.pack(answer),
  }
}

async function enroll(parts: RouteParts, request: HttpRequest): Promise<HttpReply> {
  const body = decodeMap(request.body, encodingOf(request))
  if (!Value.Check(EnrollRequest, body)) {
    throw invalidMessage(Value.Errors(EnrollRequest, body).First(), { what: 'enrolment' })
  }
  return json(201, await parts.enroll(body))
}

function health(state: Health, isLiveness: boolean): HttpReply {
  const status = state.ok || isLiveness ? 200 : 503
  return json(status, { status: state.ok ? 'ok' : 'degraded', checks: state.checks })
}

async function metrics(parts: RouteParts): Promise<HttpReply> {
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    body: await parts.metricsPage(),
  }
}

async function sound(
  parts: RouteParts,
  request: HttpRequest,
  speechId: string,
): Promise<HttpReply> {
  const device = await login(parts, request)
  const found = await parts.sound(speechId, device.id)
  if (!found) throw new GatewayError('http.not-found', { detail: `no sound of speech ${speechId}` })
  return {
    status: 200,
    headers: { 'content-type': found.contentType, 'cache-control': SOUND_CACHING },
    body: found.bytes,
  }
}

/** A path that is not well encoded is taken as it stands. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
