/** Witnessing over HTTP: `add-checkpoint` of C2SP tlog-witness, for enrolled gateways. */
import { isUtf8 } from 'node:buffer'
import { Type } from '@sinclair/typebox'
import { CloudError } from '../errors.ts'
import { parseWitnessRequest } from '../protocol/checkpoint.ts'
import { MAX_CHECKPOINT_BYTES } from '../protocol/limits.ts'
import type { Cosigner } from './cosigner.ts'
import type { Gateways } from './gateways.ts'
import { json } from './http.ts'
import { headCursor, type LogHeads } from './log-heads.ts'
import { limitOf, pageOf } from './paging.ts'
import { gatewayOf, parseBody, type Route } from './route.ts'
import type { CoreStore } from './storage.ts'

const HEAD_ROWS = 1000

const AcceptRequest = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 400 }) })

export function cosignerRoutes({
  cosigner,
  heads,
  gateways,
  store,
}: {
  readonly cosigner: Cosigner
  readonly heads: LogHeads
  readonly gateways: Gateways
  readonly store: CoreStore
}): readonly Route[] {
  return [
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/add-checkpoint$/,
      caller: 'gateway',
      async handle(call) {
        const { body } = call.incoming
        if (body.length > MAX_CHECKPOINT_BYTES) throw new CloudError('request.too-large')
        const request = isUtf8(body) ? parseWitnessRequest(body.toString('utf8')) : undefined
        if (!request) throw new CloudError('checkpoint.invalid', { detail: 'malformed' })
        const cosigned = await cosigner.add(gatewayOf(call), request)
        if (cosigned.kind === 'cosigned') {
          return { status: 200, contentType: 'text/plain; charset=utf-8', body: cosigned.lines }
        }
        return { status: 409, contentType: 'text/x.tlog.size', body: `${cosigned.size}\n` }
      },
    },
    {
      method: 'GET',
      path: /^\/v1\/checkpoints$/,
      caller: 'operator',
      handle({ incoming: { query } }) {
        const { rows, next } = pageOf(
          limitOf(query, HEAD_ROWS),
          (limit) => heads.all(limit, query.get('after') ?? ''),
          headCursor,
        )
        return json({
          troubled: heads.troubled(HEAD_ROWS),
          troubledTotal: heads.countTroubled(),
          heads: rows,
          total: heads.count(),
          next,
        })
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/accept-record$/,
      caller: 'operator',
      async handle({ incoming, params }) {
        const { reason } = parseBody(AcceptRequest, incoming)
        const no = gateways.numberOf(params.id ?? '')
        return json({ accepted: await store.commit(() => heads.accept(no, reason)) })
      },
    },
  ]
}
