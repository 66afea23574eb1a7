/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) as an enhanced authentication method of MQTT 5: the password
 * never travels, and the client learns that the gateway knows it too.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { Reason } from './codec/reason-codes.ts'
import type { AuthExchange, AuthMethod, AuthStep, MqttPrincipal } from './ports.ts'

export const SCRAM_SHA_256 = 'SCRAM-SHA-256'

/** RFC 7677 asks for 4096 at least; the secret is a random token, so that more would only cost time. */
export const SCRAM_ITERATIONS = 4096
const NONCE_BYTES = 18
const MAX_MESSAGE_BYTES = 2048

/** What is stored of a user: nothing from which the password could be read. */
export interface ScramCredentials<P extends MqttPrincipal> {
  readonly principal: P
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

export interface ScramParts<P extends MqttPrincipal> {
  /** Credentials of a user, or undefined when there are none. */
  readonly find: (
    username: string,
    clientId: string,
  ) => Promise<ScramCredentials<P> | undefined> | ScramCredentials<P> | undefined
  /** Nonce of the gateway; random unless a test needs a known one. */
  readonly createNonce?: () => string
}

const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest()

/** Derives what is stored from a password. Takes some milliseconds. */
export function deriveScramKeys(
  password: string,
  salt: Buffer = randomBytes(16),
  iterations = SCRAM_ITERATIONS,
): { salt: Buffer; iterations: number; storedKey: Buffer; serverKey: Buffer } {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256')
  return {
    salt,
    iterations,
    storedKey: sha256(hmac(salted, 'Client Key')),
    serverKey: hmac(salted, 'Server Key'),
  }
}

export function createScramMethod<P extends MqttPrincipal>(parts: ScramParts<P>): AuthMethod<P> {
  return { name: SCRAM_SHA_256, start: (clientId) => new Exchange(parts, clientId) }
}

interface Challenge<P extends MqttPrincipal> {
  readonly credentials: ScramCredentials<P> | undefined
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

  async next(data: Buffer): Promise<AuthStep<P>> {
    if (data.length > MAX_MESSAGE_BYTES) return refused('message too long')
    const text = data.toString('utf8')
    return this.challenge === undefined ? this.first(text) : this.final(text, this.challenge)
  }

  private async first(text: string): Promise<AuthStep<P>> {
    const parsed = /^(?:(n|y),(a=[^,]*)?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+))(?:,.*)?$/.exec(text)
    if (parsed === null) return refused('malformed first message; channel binding is not offered')
    const [, flag = 'n', authzid = '', , name = '', clientNonce = ''] = parsed
    const bare = text.slice(flag.length + authzid.length + 2)
    const username = name.replaceAll('=2C', ',').replaceAll('=3D', '=')
    this.loginName = username
    const credentials = await this.parts.find(username, this.clientId)
    const nonce =
      clientNonce + (this.parts.createNonce?.() ?? randomBytes(NONCE_BYTES).toString('base64'))
    // An unknown user gets a challenge too, always the same, so that users cannot be told from others.
    const salt = credentials?.salt ?? sha256(Buffer.from(`salt of ${username}`)).subarray(0, 16)
    const iterations = credentials?.iterations ?? SCRAM_ITERATIONS
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
    if (credentials === undefined) return refused('user name or password is wrong')
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
