/** Who may call what, and what it does. */
import type { KeyObject } from 'node:crypto'
import type { TSchema } from '@sinclair/typebox'
import { CloudError } from '../errors.ts'
import { importPublicKey } from '../identity.ts'
import { readSignature } from '../protocol/http-signature.ts'
import { EchoRequest, EnrolRequest, PushBatch } from '../protocol/messages.ts'
import { type Parsed, parseJson, parseMsgpack } from '../protocol/parse.ts'
import type { Gateway, Gateways } from './gateways.ts'
import { type Head, type Incoming, json, type Outgoing } from './http.ts'
import { entryCursor, limitOf, pageOf, sessionCursor, turnCursor } from './paging.ts'
import type { Receiver } from './receive.ts'
import type { Reports } from './reports.ts'
import { isSameToken } from './secrets.ts'
import type { Sessions } from './sessions.ts'
import type { RelayStatus } from './sinks/relay.ts'

/** Rows of one answer of the read API. */
const PAGE_ROWS = 1000
/** Anybody may send it: id, key, token and ledger key are below 1 kB. */
const MAX_ENROL_BYTES = 16 * 1024

export interface CoreParts {
  readonly gateways: Gateways
  readonly receiver: Receiver
  readonly reports: Reports
  readonly sessions: Sessions
  readonly enrolToken: string
  readonly operatorToken: string
  readonly publisherKey: string
  readonly cosignerKey: string
  readonly statusPage: () => Outgoing
  /** Undefined where entries are handed on to nobody. */
  readonly sinkStatus: () => RelayStatus | undefined
}

/** Routes of other rooms of the core (packs, asks, checkpoints) join by this shape. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Named groups are its parameters; `id` is the gateway. */
  readonly path: RegExp
  readonly caller: 'anyone' | 'gateway' | 'operator'
  /** A read that changes something all the same: not with the password of a browser. */
  readonly hasEffect?: boolean
  /** As it travels; default `MAX_BODY_BYTES`. */
  readonly maxBodyBytes?: number
  /** It waits for somebody else, so it takes no place of those that only write to the disk. */
  readonly isWaiting?: boolean
  handle(call: Call): Promise<Outgoing> | Outgoing
}

export interface Call {
  readonly incoming: Incoming
  readonly params: Readonly<Record<string, string>>
  /** Only where the caller is a gateway, whose signature was checked. */
  readonly gateway: Gateway | undefined
}

export function coreRoutes(parts: CoreParts): readonly Route[] {
  return [
    { method: 'GET', path: /^\/healthz$/, caller: 'anyone', handle: () => json({ status: 'ok' }) },
    { method: 'GET', path: /^\/$/, caller: 'operator', handle: () => parts.statusPage() },
    {
      method: 'POST',
      path: /^\/v1\/enroll$/,
      caller: 'anyone',
      maxBodyBytes: MAX_ENROL_BYTES,
      handle: ({ incoming }) => enrol(parts, incoming),
    },
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/entries$/,
      caller: 'gateway',
      async handle(call) {
        const batch = orInvalid(parseMsgpack(PushBatch, await call.incoming.inflated()))
        const received = await parts.receiver.receive(gatewayOf(call), batch)
        if (received.kind === 'stored') return json(received.answer)
        const { kind, ...mark } = received
        return json({ code: `batch.${kind}`, ...mark }, 409)
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/echo$/,
      caller: 'gateway',
      async handle(call) {
        const { nonce } = parseBody(EchoRequest, call.incoming)
        return json(await parts.gateways.echo(gatewayOf(call), nonce))
      },
    },
    ...readRoutes(parts),
  ]
}

function readRoutes({ gateways, reports, sessions, sinkStatus }: CoreParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: /^\/v1\/gateways$/,
      caller: 'operator',
      handle({ incoming: { query } }) {
        const { rows, next } = pageOf(
          limitOf(query, PAGE_ROWS),
          (limit) => reports.fleet(limit, query.get('after') ?? ''),
          ({ id }) => id,
        )
        const total = reports.countGateways()
        return json({ gateways: rows, total, next, sink: sinkStatus() ?? null })
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/(?<what>release|block|unblock)$/,
      caller: 'operator',
      async handle({ params: { id = '', what } }) {
        if (what === 'block') await gateways.block(id)
        else if (what === 'unblock') await gateways.unblock(id)
        else await gateways.release(id)
        return json({ done: what, gateway: id })
      },
    },
    {
      method: 'GET',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/entries$/,
      caller: 'operator',
      handle({ incoming: { query }, params }) {
        const { rows, next } = pageOf(
          limitOf(query, PAGE_ROWS),
          (limit) =>
            reports.entries(
              params.id ?? '',
              query.get('lane') ?? '',
              entryCursor(query),
              limit,
              query.get('epoch') ?? undefined,
            ),
          ({ epoch, sequence }) => `${epoch}/${sequence}`,
        )
        return json({
          entries: rows.map(({ bytes, disclosed, ...entry }) => ({
            ...entry,
            bytes: Buffer.from(bytes).toString('base64'),
            disclosed: disclosed ? Buffer.from(disclosed).toString('base64') : null,
          })),
          next,
        })
      },
    },
    {
      method: 'GET',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/sessions$/,
      caller: 'operator',
      handle({ incoming: { query }, params }) {
        const no = gateways.numberOf(params.id ?? '')
        const { rows, next } = pageOf(
          limitOf(query, PAGE_ROWS),
          (limit) => sessions.list(no, limit, sessionCursor(query)),
          ({ lastAtMs, id }) => `${lastAtMs}/${id}`,
        )
        return json({ sessions: rows, total: sessions.count(no), next })
      },
    },
    {
      method: 'GET',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/sessions\/(?<session>[^/]+)$/,
      caller: 'operator',
      handle({ incoming: { query }, params: { id = '', session = '' } }) {
        const no = gateways.numberOf(id)
        const { rows, next } = pageOf(
          limitOf(query, PAGE_ROWS),
          (limit) => sessions.turns(no, session, limit, turnCursor(query)),
          ({ epoch, lane, sequence }) => `${epoch}/${lane}/${sequence}`,
        )
        return json({ turns: rows, total: sessions.countTurns(no, session), next })
      },
    },
  ]
}

/** The token shows that the operator means it; the signature, that the sender holds the key. */
async function enrol(parts: CoreParts, incoming: Incoming): Promise<Outgoing> {
  const request = parseBody(EnrolRequest, incoming)
  if (!isSameToken(request.enrolToken, parts.enrolToken)) throw new CloudError('enrol.refused')
  const key = importPublicKey(Buffer.from(request.publicKey, 'base64'))
  if (!key || !isSignedBy(incoming, request.gatewayId, key)) {
    throw new CloudError('gateway.signature')
  }
  await parts.gateways.enrol(request)
  const { publisherKey, cosignerKey } = parts
  return json({ gatewayId: request.gatewayId, publisherKey, cosignerKey })
}

/** A request whose caller is known; its body may still be on the way. */
export interface Admitted {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
  readonly gateway: Gateway | undefined
  /** Throws `gateway.signature` where the body is not the one that was signed. */
  checkBody(body: Buffer): void
}

/**
 * Finds the route and checks the caller by the head alone, so that strangers are sent away before anything
 * of theirs is kept. Throws what becomes a problem.
 */
export function admit(
  routes: readonly Route[],
  head: Head,
  access: Pick<CoreParts, 'gateways' | 'operatorToken'>,
): Admitted {
  for (const route of routes) {
    if (route.method !== head.method) continue
    const match = route.path.exec(head.path)
    if (!match) continue
    const params = { ...match.groups }
    if (route.caller === 'operator') checkOperator(head, route, access.operatorToken)
    if (route.caller !== 'gateway') return { route, params, gateway: undefined, checkBody() {} }
    return { route, params, ...checkGateway(head, params.id, access.gateways) }
  }
  throw new CloudError('request.not-found', { detail: `${head.method} ${head.path}` })
}

function checkGateway(
  { method, target, headers }: Head,
  id: string | undefined,
  gateways: Gateways,
): Pick<Admitted, 'gateway' | 'checkBody'> {
  const gateway = gateways.find(id ?? '')
  if (!gateway) throw new CloudError('gateway.unknown')
  const signature = readSignature(headers)
  const isTheirs =
    signature?.keyId === gateway.id &&
    signature.verifyHead({ method, path: target }, gateway.publicKey)
  if (!isTheirs) throw new CloudError('gateway.signature')
  // Said to nobody else.
  if (gateway.isBlocked) throw new CloudError('gateway.blocked', { detail: gateway.id })
  return {
    gateway,
    checkBody(body) {
      if (!signature.isOf(body)) throw new CloudError('gateway.signature')
    },
  }
}

/** For the one request that brings its key along. */
function isSignedBy(incoming: Incoming, gatewayId: string, key: KeyObject): boolean {
  const { method, target, body, headers } = incoming
  const signature = readSignature(headers)
  return signature?.keyId === gatewayId && signature.verify({ method, path: target, body }, key)
}

/**
 * Bearer for programs, Basic for the browser of a person, who only reads: a browser keeps Basic and adds it
 * to whatever a page of somebody else has it send, and what is posted here is signed for the whole fleet.
 */
function checkOperator(
  { headers }: Head,
  { method, hasEffect = method !== 'GET' }: Route,
  operatorToken: string,
): void {
  const [scheme = '', given = ''] = (headers.authorization ?? '').split(' ', 2)
  const isBasic = scheme.toLowerCase() === 'basic'
  const basic = Buffer.from(given, 'base64').toString('utf8')
  const token = isBasic ? basic.slice(basic.indexOf(':') + 1) : given
  if (!isSameToken(token, operatorToken)) throw new CloudError('operator.refused')
  if (isBasic && hasEffect) throw new CloudError('operator.reads-only')
}

export function gatewayOf(call: Call): Gateway {
  if (!call.gateway) throw new CloudError('core.failed', { detail: 'route without a gateway' })
  return call.gateway
}

export function parseBody<S extends TSchema>(schema: S, incoming: Incoming) {
  return orInvalid(parseJson(schema, incoming.body))
}

export function orInvalid<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new CloudError('request.invalid', { detail: parsed.detail })
  return parsed.value
}
