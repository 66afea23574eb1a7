/** `POST /admin/api/{operation}`: the operations over HTTP, for whoever holds the box's admin token. */
import { timingSafeEqual } from 'node:crypto'
import { json, type Mount, problemReply } from '../channels/http/routes.ts'
import { decodeMap } from '../channels/parse-message.ts'
import { GatewayError } from '../errors.ts'
import { isOperation, type OperationParts, runOperation } from './operations.ts'

const PREFIX = '/admin/api/'

export function createAdminApi(parts: {
  readonly adminToken: string
  readonly operations: OperationParts
  /** Told of whoever comes without the token. */
  readonly refused?: (remoteAddress: string, error: GatewayError) => void
}): Mount {
  const wanted = Buffer.from(`Bearer ${parts.adminToken}`)
  const isAdmin = (header: string | undefined): boolean => {
    const shown = Buffer.from(header ?? '')
    return shown.length === wanted.length && timingSafeEqual(shown, wanted)
  }
  return (request) => {
    if (!request.path.startsWith(PREFIX)) return undefined
    if (!isAdmin(request.headers.authorization)) {
      const error = new GatewayError('auth.admin')
      parts.refused?.(request.remoteAddress, error)
      return problemReply(error)
    }
    const name = request.path.slice(PREFIX.length)
    if (!isOperation(name))
      return problemReply(
        new GatewayError('http.not-found', { detail: request.path.slice(0, 200) }),
      )
    if (request.method !== 'POST')
      return problemReply(new GatewayError('http.method-not-allowed', { detail: 'POST' }))
    const args = request.body.length === 0 ? {} : decodeMap(request.body, 'json')
    return runOperation(name, args, parts.operations).then(
      (result) => json(200, result),
      (error: unknown) => problemReply(error),
    )
  }
}
