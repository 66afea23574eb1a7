/**
 * From a certificate to an authority that is trusted, without OpenSSL's word for it.
 *
 * OpenSSL tells only the last complaint about a chain, and one about time comes after those about issuer,
 * purpose, strength and signature. So where it complains about time, all of that is looked at again here,
 * more strictly than there: what is not plain is refused.
 */
import type { X509Certificate } from 'node:crypto'

/** What the holder of the certificate is at the other end of the connection. */
export type Purpose = 'client' | 'server'

/** A leaf, an issuing authority of each site, one of the region and one of the trade; no chain is longer. */
const MAX_PATH = 6
/** Certificates sent along that are looked at; who sends more wants to keep the processor busy. */
const MAX_SENT_ALONG = 8
const MIN_RSA_BITS = 2048

const EXTENDED_USAGE: Readonly<Record<Purpose, string>> = {
  client: '1.3.6.1.5.5.7.3.2',
  server: '1.3.6.1.5.5.7.3.1',
}
/** Bits of the key usage, counted from the first (RFC 5280, 4.2.1.3): signing, encipherment, agreement. */
const KEY_USAGE: Readonly<Record<Purpose, number>> = { client: 0b1000_1000, server: 0b1010_1000 }

/** SHA-2 with RSA and ECDSA, and EdDSA, as DER has them. */
const SIGNATURES = new Set([
  '2a864886f70d01010b',
  '2a864886f70d01010c',
  '2a864886f70d01010d',
  '2a8648ce3d040302',
  '2a8648ce3d040303',
  '2a8648ce3d040304',
  '2b6570',
  '2b6571',
])
const BASIC_CONSTRAINTS = '551d13'
const KEY_USAGES = '551d0f'
/** Extensions that are looked at here or say nothing of whom to trust: alternative names, extended usage. */
const PLAIN_EXTENSIONS = new Set([BASIC_CONSTRAINTS, KEY_USAGES, '551d11', '551d25'])
/** Names that an authority may sign for: OpenSSL alone reads them. */
const NAME_CONSTRAINTS = '551d1e'

/** Those that the peer sent after its own. Node gives them once a socket. */
export function sentAlong(certificate: X509Certificate): X509Certificate[] {
  const found: X509Certificate[] = []
  let next = certificate.issuerCertificate
  while (next && found.length < MAX_SENT_ALONG) {
    found.push(next)
    next = next.issuerCertificate
  }
  return found
}

/** The certificate, those that issued it, and last one of `roots` that signed itself; undefined where there is none. */
export function pathToRoot(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): X509Certificate[] | undefined {
  const path = [leaf]
  for (let current = leaf; path.length <= MAX_PATH; ) {
    // By its name: what it says of itself proves nothing, that it is one of `roots` does.
    if (current.checkIssued(current)) {
      return roots.some((root) => root.raw.equals(current.raw)) ? path : undefined
    }
    const issued = (by: X509Certificate) => isIssuedBy(current, by)
    const issuer = roots.find(issued) ?? between.find(issued)
    if (!issuer) return undefined
    path.push(issuer)
    current = issuer
  }
  return undefined
}

const isIssuedBy = (certificate: X509Certificate, by: X509Certificate): boolean =>
  certificate.checkIssued(by) && certificate.verify(by.publicKey)

/** What about a path to a root is not as it must be, its signatures and terms apart; undefined when nothing is. */
export function pathFault(path: readonly X509Certificate[], purpose: Purpose): string | undefined {
  for (const [depth, certificate] of path.entries()) {
    const isRoot = depth === path.length - 1
    const fault = faultAt(certificate, depth, isRoot, purpose)
    if (fault) return fault
  }
  return undefined
}

function faultAt(
  certificate: X509Certificate,
  depth: number,
  isRoot: boolean,
  purpose: Purpose,
): string | undefined {
  const read = readDer(certificate)
  if (!hasStrongKey(certificate)) return 'its key is too weak'
  // Nobody relies on what a root says of itself.
  if ((!isRoot || depth === 0) && !SIGNATURES.has(read.signature))
    return 'its signature is too weak'
  if (certificate.keyUsage && !certificate.keyUsage.includes(EXTENDED_USAGE[purpose])) {
    return `it is not for the ${purpose} side of TLS`
  }
  for (const { name, isCritical } of read.extensions) {
    if (name === NAME_CONSTRAINTS || (isCritical && !PLAIN_EXTENSIONS.has(name))) {
      return 'it has rules that cannot be judged while the clock of the box is wrong'
    }
  }
  return depth === 0 ? leafFault(certificate, read, purpose) : issuerFault(certificate, read, depth)
}

function leafFault(
  certificate: X509Certificate,
  { keyUsage }: DerParts,
  purpose: Purpose,
): string | undefined {
  if (certificate.ca) return 'it is the certificate of an authority'
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE[purpose]) === 0) {
    return `its key is not for the ${purpose} side of TLS`
  }
  return undefined
}

/** `depth` counts the leaf: an authority whose path length is 0 stands at 1. */
function issuerFault(
  certificate: X509Certificate,
  { pathLength }: DerParts,
  depth: number,
): string | undefined {
  if (!certificate.ca) return 'its issuer is no authority'
  if (pathLength !== undefined && depth - 1 > pathLength) return 'its chain is too long'
  return undefined
}

const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

function hasStrongKey({ publicKey }: X509Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey
  if (type === 'rsa') return (details?.modulusLength ?? 0) >= MIN_RSA_BITS
  if (type === 'ec') return CURVES.has(details?.namedCurve ?? '')
  return type === 'ed25519' || type === 'ed448'
}

interface DerParts {
  /** Object identifier of the signature, in hex. */
  readonly signature: string
  readonly extensions: readonly { readonly name: string; readonly isCritical: boolean }[]
  /** The first eight bits; absent: any use. */
  readonly keyUsage?: number
  readonly pathLength?: number
}

const TAG = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, extensions: 0xa3 } as const

/** What Node does not say of a certificate (RFC 5280, 4.1). OpenSSL has read it before: it is well-formed. */
function readDer(certificate: X509Certificate): DerParts {
  const [whole] = elements(certificate.raw)
  const [body, algorithm] = elements(whole?.value)
  const listed = elements(body?.value).find(({ tag }) => tag === TAG.extensions)
  const extensions = elements(elements(listed?.value)[0]?.value).map(({ value }) => {
    const parts = elements(value)
    return {
      name: hex(parts[0]?.value),
      isCritical: parts.some(({ tag, value }) => tag === TAG.boolean && value[0] !== 0),
      content: parts.find(({ tag }) => tag === TAG.octets)?.value,
    }
  })
  const contentOf = (name: string) => extensions.find((one) => one.name === name)?.content
  const usage = elements(contentOf(KEY_USAGES)).find(({ tag }) => tag === TAG.bits)?.value
  const constraints = elements(elements(contentOf(BASIC_CONSTRAINTS))[0]?.value)
  const length = constraints.find(({ tag }) => tag === TAG.integer)?.value
  return {
    signature: hex(elements(algorithm?.value)[0]?.value),
    extensions,
    // The first byte says how many bits of the last one are not used.
    ...(usage ? { keyUsage: usage[1] ?? 0 } : {}),
    ...(length ? { pathLength: Number.parseInt(hex(length), 16) } : {}),
  }
}

const hex = (bytes: Buffer | undefined): string => bytes?.toString('hex') ?? ''

/** The elements that lie one after the other in these bytes. */
function elements(bytes: Buffer = Buffer.alloc(0)): { tag: number; value: Buffer }[] {
  const found: { tag: number; value: Buffer }[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const first = bytes[at + 1] ?? 0
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
    const from = at + 2 + lengthBytes
    found.push({ tag: bytes[at] ?? 0, value: bytes.subarray(from, from + length) })
    at = from + length
  }
  return found
}
