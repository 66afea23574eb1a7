/** Releases over HTTP: operators publish and widen, gateways ask and fetch. */
import { Type } from '@sinclair/typebox'
import { CloudError } from '../errors.ts'
import { MAX_RELEASE_BYTES, ReleaseKind, ReleasesRequest } from '../protocol/release.ts'
import { json } from './http.ts'
import { limitOf, pageOf } from './paging.ts'
import { pathOf } from './release-rows.ts'
import type { Releases } from './releases.ts'
import { type Call, gatewayOf, parseBody, type Route } from './routes.ts'

/** Of the largest content in base64. */
const MAX_CONTENT_CHARACTERS = Math.ceil(MAX_RELEASE_BYTES / 3) * 4
/** With the content comes a list of 10,000 gateways at the most: 0.7 MB. */
const MAX_PUBLISH_BYTES = MAX_CONTENT_CHARACTERS + 1024 * 1024

const PublishRequest = Type.Object({
  kind: ReleaseKind,
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
  label: Type.String({ maxLength: 64 }),
  /** Base64. */
  content: Type.String({ maxLength: MAX_CONTENT_CHARACTERS }),
  expiresAtMs: Type.Number(),
  percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
  gateways: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 10_000 })),
})
const PercentRequest = Type.Object({ percent: Type.Number({ minimum: 0, maximum: 100 }) })
const HaltRequest = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 400 }) })

const REPORT_ROWS = 500

export function releaseRoutes(releases: Releases): readonly Route[] {
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
        const bytes = Buffer.from(content, 'base64')
        return json(await releases.publish({ ...draft, content: bytes }), 201)
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

const releaseOf = ({ kind = '', name = '', serial }: Call['params']) => ({
  kind,
  name,
  serial: Number(serial),
})
const unknown = ({ kind, name, serial }: Call['params']): CloudError =>
  new CloudError('release.unknown', { detail: `${kind}/${name}/${serial}` })
