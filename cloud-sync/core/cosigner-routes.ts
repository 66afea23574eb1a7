/** Witnessing over HTTP: `add-checkpoint` of C2SP tlog-witness, for enrolled gateways. */
import { CloudError } from '../errors.ts'
import { parseWitnessRequest } from '../protocol/checkpoint.ts'
import { MAX_CHECKPOINT_BYTES } from '../protocol/limits.ts'
import type { Cosigner } from './cosigner.ts'
import { json } from './http.ts'
import { gatewayOf, type Route } from './routes.ts'

const HEAD_ROWS = 1000

export function cosignerRoutes(cosigner: Cosigner): readonly Route[] {
  return [
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/add-checkpoint$/,
      caller: 'gateway',
      async handle(call) {
        const { body } = call.incoming
        if (body.length > MAX_CHECKPOINT_BYTES) throw new CloudError('request.too-large')
        const request = parseWitnessRequest(body.toString('utf8'))
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
      handle: () => json({ heads: cosigner.heads(HEAD_ROWS) }),
    },
  ]
}
