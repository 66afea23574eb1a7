/**
 * HTTP Message Signatures (RFC 9421) with Ed25519 over method, request target and Content-Digest (RFC 9530).
 *
 * No replay window is kept: a box may boot with its clock at 1970, and every request is idempotent or
 * reads only, so a replay has no effect (and would have to break TLS first). `created` is for the log.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto'

const COMPONENTS = '("@method" "@request-target" "content-digest")'
const LABEL = 'kefu'

export interface SignedParts {
  readonly method: string
  /** Path with its query, as sent. */
  readonly path: string
  readonly body: Uint8Array
}

export interface SignatureHeaders {
  readonly 'content-digest': string
  readonly 'signature-input': string
  readonly signature: string
}

export function signRequest(
  parts: SignedParts,
  keyId: string,
  privateKey: KeyObject,
  createdAtMs: number,
): SignatureHeaders {
  const params = `${COMPONENTS};created=${Math.floor(createdAtMs / 1000)};keyid="${keyId}";alg="ed25519"`
  const digest = contentDigest(parts.body)
  const signature = sign(null, signatureBase(parts, digest, params), privateKey)
  return {
    'content-digest': digest,
    'signature-input': `${LABEL}=${params}`,
    signature: `${LABEL}=:${signature.toString('base64')}:`,
  }
}

const INPUT =
  /^kefu=(\("@method" "@request-target" "content-digest"\);created=\d{1,12};keyid="([A-Za-z0-9._-]{1,64})";alg="ed25519")$/
const SIGNATURE = /^kefu=:([A-Za-z0-9+/]{86}==):$/

export interface ReceivedSignature {
  readonly keyId: string
  verify(parts: SignedParts, publicKey: KeyObject): boolean
  /** Before the body is read: whether the holder of the key signed this head and some body. */
  verifyHead(parts: Omit<SignedParts, 'body'>, publicKey: KeyObject): boolean
  /** Whether it is this body. */
  isOf(body: Uint8Array): boolean
}

/** Undefined when the headers are absent or of another form. */
export function readSignature(headers: {
  readonly [name: string]: string | readonly string[] | undefined
}): ReceivedSignature | undefined {
  const input = INPUT.exec(one(headers['signature-input']))
  const signature = SIGNATURE.exec(one(headers.signature))
  const params = input?.[1]
  const keyId = input?.[2]
  const encoded = signature?.[1]
  if (!params || !keyId || !encoded) return undefined
  const digest = one(headers['content-digest'])
  const isOf = (body: Uint8Array) => digest === contentDigest(body)
  const verifyHead: ReceivedSignature['verifyHead'] = (parts, publicKey) =>
    verify(null, signatureBase(parts, digest, params), publicKey, Buffer.from(encoded, 'base64'))
  return {
    keyId,
    isOf,
    verifyHead,
    verify: (parts, publicKey) => isOf(parts.body) && verifyHead(parts, publicKey),
  }
}

function one(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : ''
}

function contentDigest(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

function signatureBase(parts: Omit<SignedParts, 'body'>, digest: string, params: string): Buffer {
  return Buffer.from(
    `"@method": ${parts.method}\n"@request-target": ${parts.path}\n"content-digest": ${digest}\n"@signature-params": ${params}`,
  )
}
