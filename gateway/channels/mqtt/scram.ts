/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) as an enhanced authentication method of MQTT 5: the password
 * never travels, and the client learns that the gateway knows it too.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ScramKeys } from '../../devices/scram.ts'
import { Reason } from './codec/reason-codes.ts'
import type { AuthExchange, AuthMethod, AuthStep, MqttPrincipal } from './ports.ts'

export const SCRAM_SHA_256 = 'SCRAM-SHA-256'

const NONCE_BYTES = 18
const MAX_MESSAGE_BYTES = 2048

/** What is stored of a user: nothing from which the password could be read. */
export type ScramCredentials<P extends MqttPrincipal> = ScramKeys & { readonly principal: P }

export interface ScramParts<P extends MqttPrincipal> {
  /** Credentials of a user; of an unknown one such that no password fits, so that the two cannot be told apart. */
  readonly find: (username: string, clientId: string) => ScramCredentials<P>
  /** Nonce of the gateway; random unless a test needs a known one. */
  readonly createNonce?: () => string
}

const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest()

export function createScramMethod<P extends MqttPrincipal>(parts: ScramParts<P>): AuthMethod<P> {
  return { name: SCRAM_SHA_256, start: (clientId) => new Exchange(parts, clientId) }
}

interface Challenge<P extends MqttPrincipal> {
  readonly credentials: ScramCredentials<P>
  readonly nonce: string
  /** `client-first-message-bare,server-first-message`. */
  readonly transcript: string
  readonly gs2Header: string
}

class Exchange<P extends MqttPrincipal> implements AuthExchange<P> {
  private readonly parts: ScramParts<P>
  private readonly clientId: string
  private challenge: Challenge<P> | undefined
  loginName: string | undefined

  constructor(parts: ScramParts<P>, clientId: string) {
    this.parts = parts
    this.clientId = clientId
  }

  next(data: Buffer): AuthStep<P> {
    if (data.length > MAX_MESSAGE_BYTES) return refused('message too long')
    const text = data.toString('utf8')
    return this.challenge === undefined ? this.first(text) : this.final(text, this.challenge)
  }

  private first(text: string): AuthStep<P> {
    const parsed = /^(?:(n|y),(a=[^,]*)?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+))(?:,.*)?$/.exec(text)
    if (parsed === null) return refused('malformed first message; channel binding is not offered')
    const [, flag = 'n', authzid = '', , name = '', clientNonce = ''] = parsed
    const bare = text.slice(flag.length + authzid.length + 2)
    const username = name.replaceAll('=2C', ',').replaceAll('=3D', '=')
    this.loginName = username
    const credentials = this.parts.find(username, this.clientId)
    const nonce =
      clientNonce + (this.parts.createNonce?.() ?? randomBytes(NONCE_BYTES).toString('base64'))
    const { salt, iterations } = credentials
    const challenge = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`
    this.challenge = {
      credentials,
      nonce,
      transcript: `${bare},${challenge}`,
      gs2Header: `${flag},${authzid},`,
    }
    return { kind: 'continue', data: Buffer.from(challenge) }
  }

  private final(text: string, challenge: Challenge<P>): AuthStep<P> {
    const parsed = /^(c=([^,]*),r=([^,]*)(?:,[^p][^,]*)*),p=([^,]*)$/.exec(text)
    if (parsed === null) return refused('malformed final message')
    const [, withoutProof = '', binding = '', nonce = '', proofText = ''] = parsed
    const { credentials } = challenge
    const isSameBinding = Buffer.from(binding, 'base64').toString('utf8') === challenge.gs2Header
    const proof = Buffer.from(proofText, 'base64')
    if (nonce !== challenge.nonce || !isSameBinding || proof.length !== 32) {
      return refused('the final message does not answer the challenge')
    }
    const authMessage = `${challenge.transcript},${withoutProof}`
    const signature = hmac(credentials.storedKey, authMessage)
    const clientKey = Buffer.alloc(32)
    for (let at = 0; at < 32; at++) {
      clientKey[at] = (proof[at] as number) ^ (signature[at] as number)
    }
    if (!timingSafeEqual(sha256(clientKey), credentials.storedKey)) {
      return refused('user name or password is wrong')
    }
    const verifier = hmac(credentials.serverKey, authMessage).toString('base64')
    return { kind: 'done', principal: credentials.principal, data: Buffer.from(`v=${verifier}`) }
  }
}

const refused = (
  reason: string,
): { readonly kind: 'refused'; readonly reasonCode: number; readonly reason: string } => ({
  kind: 'refused',
  reasonCode: Reason.notAuthorized,
  reason,
})
