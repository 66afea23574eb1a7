/** Who may call what: gateways by their signature, operators by their token. */
import type { KeyObject } from 'node:crypto'
import { CloudError } from '../errors.ts'
import { readSignature } from '../protocol/http-signature.ts'
import type { Gateway, Gateways } from './gateways.ts'
import type { Head, Incoming } from './http.ts'
import type { Route } from './route.ts'
import { isSameToken } from './secrets.ts'

export interface Access {
  readonly gateways: Pick<Gateways, 'find'>
  readonly operatorToken: string
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
export function admit(routes: readonly Route[], head: Head, access: Access): Admitted {
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
  gateways: Access['gateways'],
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
export function isSignedBy(incoming: Incoming, gatewayId: string, key: KeyObject): boolean {
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
