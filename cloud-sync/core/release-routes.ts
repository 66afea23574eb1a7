/** Releases over HTTP: operators publish and widen, gateways ask and fetch. */
import { Type } from '@sinclair/typebox'
import { CloudError } from '../errors.ts'
import { MAX_RELEASE_BYTES, ReleaseKind, ReleasesRequest } from '../protocol/release.ts'
import type { Gateways } from './gateways.ts'
import { json } from './http.ts'
import { limitOf, pageOf } from './paging.ts'
import { pathOf } from './release-rows.ts'
import type { Releases } from './releases.ts'
import { type Call, gatewayOf, parseBody, type Route } from './route.ts'

/** Of the largest content in base64. */
const MAX_CONTENT_CHARACTERS = Math.ceil(MAX_RELEASE_BYTES / 3) * 4
/** With the content comes a list of 10,000 gateways at the most: 0.7 MB. */
const MAX_PUBLISH_BYTES = MAX_CONTENT_CHARACTERS + 1024 * 1024

/** The last moment that a Date can tell. */
const LAST_DATE_MS = 8.64e15

const PublishRequest = Type.Object({
  kind: ReleaseKind,
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
  label: Type.String({ maxLength: 64 }),
  /** Base64. */
  content: Type.String({ maxLength: MAX_CONTENT_CHARACTERS }),
  expiresAtMs: Type.Integer({ maximum: LAST_DATE_MS }),
  percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
  gateways: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 10_000 }),
  ),
})
const PercentRequest = Type.Object({ percent: Type.Number({ minimum: 0, maximum: 100 }) })
const HaltRequest = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 400 }) })

const REPORT_ROWS = 500

export function releaseRoutes(
  releases: Releases,
  gateways: Pick<Gateways, 'unknownOf'>,
): readonly Route[] {
  return [
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/releases$/,
      caller: 'gateway',
      async handle(call) {
        const request = parseBody(ReleasesRequest, call.incoming)
        return json({ releases: await releases.offer(gatewayOf(call), request) })
      },
    },
    {
      method: 'GET',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/releases\/(?<kind>[a-z]+)\/(?<name>[^/]+)\/(?<serial>\d+)$/,
      caller: 'gateway',
      async handle(call) {
        const { kind, name, serial } = releaseOf(call.params)
        const given = Number(call.incoming.query.get('base') ?? 0)
        const base = Number.isSafeInteger(given) && given > 0 ? given : undefined
        return {
          status: 200,
          contentType: 'application/msgpack',
          body: await releases.content(gatewayOf(call), kind, name, serial, base),
        }
      },
    },
    {
      method: 'GET',
      path: /^\/v1\/releases$/,
      caller: 'operator',
      handle({ incoming: { query } }) {
        const given = (field: string) => query.get(field) ?? undefined
        const those = { kind: given('kind'), name: given('name') }
        const { rows, next } = pageOf(
          limitOf(query, REPORT_ROWS),
          (limit) => releases.reports(limit, { ...those, after: given('after') }),
          pathOf,
        )
        return json({ releases: rows, total: releases.count(those), next })
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/releases$/,
      caller: 'operator',
      maxBodyBytes: MAX_PUBLISH_BYTES,
      async handle({ incoming }) {
        const { content, ...draft } = parseBody(PublishRequest, incoming)
        const unknown = gateways.unknownOf(draft.gateways ?? [])
        if (unknown.length > 0) throw new CloudError('gateway.none', { detail: unknown.join(', ') })
        return json(await releases.publish({ ...draft, content: bytesOf(content) }), 201)
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/releases\/(?<kind>[a-z]+)\/(?<name>[^/]+)\/(?<serial>\d+)\/rollout$/,
      caller: 'operator',
      async handle({ params, incoming }) {
        const { percent } = parseBody(PercentRequest, incoming)
        const { kind, name, serial } = releaseOf(params)
        const isFound = await releases.setPercent(kind, name, serial, percent)
        if (!isFound) throw unknown(params)
        return json({ kind, name, serial, percent })
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/releases\/(?<kind>[a-z]+)\/(?<name>[^/]+)\/(?<serial>\d+)\/halt$/,
      caller: 'operator',
      async handle({ params, incoming }) {
        const { reason } = parseBody(HaltRequest, incoming)
        const { kind, name, serial } = releaseOf(params)
        const isFound = await releases.halt(kind, name, serial, reason)
        if (!isFound) throw unknown(params)
        return json({ kind, name, serial, haltedReason: reason })
      },
    },
  ]
}

/** Node leaves out what is not base64, and would publish the rest. Lines, as `base64 FILE` writes them, are none of it. */
function bytesOf(content: string): Buffer {
  const bytes = Buffer.from(content, 'base64')
  if (bytes.toString('base64') === content.replaceAll(/\s/g, '')) return bytes
  throw new CloudError('request.invalid', { detail: '/content: not base64, padded with =' })
}

const releaseOf = ({ kind = '', name = '', serial }: Call['params']) => ({
  kind,
  name,
  serial: Number(serial),
})
const unknown = ({ kind, name, serial }: Call['params']): CloudError =>
  new CloudError('release.unknown', { detail: `${kind}/${name}/${serial}` })
