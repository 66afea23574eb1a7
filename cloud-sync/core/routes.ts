/** What gateways and operators may ask of the core itself; packs, asks, checkpoints and counts add routes of their own. */
import { CloudError } from '../errors.ts'
import { importPublicKey } from '../identity.ts'
import { EchoRequest, EnrolRequest, PushBatch } from '../protocol/messages.ts'
import { parseMsgpack } from '../protocol/parse.ts'
import { isSignedBy } from './admit.ts'
import type { Gateways } from './gateways.ts'
import { type Incoming, json, type Outgoing } from './http.ts'
import { entryCursor, limitOf, pageOf, sessionCursor, turnCursor } from './paging.ts'
import type { Receiver } from './receive.ts'
import type { Reports } from './reports.ts'
import { gatewayOf, orInvalid, parseBody, type Route } from './route.ts'
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
  readonly publisherKey: string
  readonly cosignerKey: string
  readonly statusPage: () => Outgoing
  /** Undefined where entries are handed on to nobody. */
  readonly sinkStatus: () => RelayStatus | undefined
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
