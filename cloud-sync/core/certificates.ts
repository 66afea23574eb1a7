/** The core's own CA and server certificate (P-256), kept in its data folder; the gateways pin the CA. */
import 'reflect-metadata'
import { createPrivateKey, X509Certificate as OpenSslCertificate, webcrypto } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { CloudError } from '../errors.ts'
import { makeFolder } from '../make-folder.ts'
import { writeDurably } from '../write-durably.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
/** A gateway stands in a ward for ten years; renewing its pin means a visit. */
const CA_DAYS = 3650
/** What browsers accept at most. */
const SERVER_DAYS = 397
/** The server's certificate is made anew this close to its end. */
const RENEW_DAYS = 60
/** A core whose clock runs a little ahead must not make certificates of tomorrow. */
const BACKDATE_DAYS = 1
/** No core is older than this program: an authority that begins here counts, however wrong the clock at its birth. */
const PROGRAM_MS = Date.parse('2026-11-01T00:00:00Z')

export interface ServerCertificate {
  readonly certPem: string
  readonly keyPem: string
  readonly caPem: string
  /** When the authority counts, in milliseconds since 1970. */
  readonly caTerm: Term
}

interface Term {
  readonly fromMs: number
  readonly untilMs: number
}

/**
 * Reads what is there, makes what is missing, near its end or, of the server's, not begun. `hosts`: names and addresses that gateways
 * dial. Throws `core.certificates` where the authority is there and cannot be read.
 */
export async function loadServerCertificate(
  folder: string,
  hosts: readonly string[],
  nowMs: number,
): Promise<ServerCertificate> {
  makeFolder(folder, 0o700)
  const caFiles = { cert: join(folder, 'ca.pem'), key: join(folder, 'ca.key') }
  const serverFiles = { cert: join(folder, 'server.pem'), key: join(folder, 'server.key') }
  if (!existsSync(caFiles.cert) || !existsSync(caFiles.key)) await makeCa(caFiles, nowMs)
  try {
    if (!isServerUsable(serverFiles, hosts, nowMs)) {
      await makeServer(serverFiles, caFiles, hosts, nowMs)
    }
  } catch (cause) {
    throw new CloudError('core.certificates', { cause, detail: `${caFiles.cert}: ${cause}` })
  }
  const caPem = readFileSync(caFiles.cert, 'utf8')
  return {
    certPem: readFileSync(serverFiles.cert, 'utf8'),
    keyPem: readFileSync(serverFiles.key, 'utf8'),
    caPem,
    caTerm: termOf(new X509Certificate(caPem)),
  }
}

interface Files {
  readonly cert: string
  readonly key: string
}

async function makeCa(files: Files, nowMs: number): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Kefu Edge cloud core CA',
    serialNumber: serial(),
    notBefore: new Date(Math.min(nowMs - BACKDATE_DAYS * DAY_MS, PROGRAM_MS)),
    notAfter: new Date(Math.max(nowMs, PROGRAM_MS) + CA_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  await writePair(files, certificate, keys.privateKey)
}

async function makeServer(
  files: Files,
  caFiles: Files,
  hosts: readonly string[],
  nowMs: number,
): Promise<void> {
  const ca = new X509Certificate(readFileSync(caFiles.cert, 'utf8'))
  const caKey = await webcrypto.subtle.importKey(
    'pkcs8',
    PemConverter.decodeFirst(readFileSync(caFiles.key, 'utf8')),
    ALGORITHM,
    false,
    ['sign'],
  )
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.create({
    subject: 'CN=Kefu Edge cloud core',
    issuer: ca.subject,
    serialNumber: serial(),
    notBefore: new Date(nowMs - BACKDATE_DAYS * DAY_MS),
    notAfter: new Date(nowMs + SERVER_DAYS * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: caKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    ],
  })
  await writePair(files, certificate, keys.privateKey)
}

function isServerUsable(files: Files, hosts: readonly string[], nowMs: number): boolean {
  if (!isPair(files)) return false
  const certificate = new X509Certificate(readFileSync(files.cert, 'utf8'))
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
  const named = new Set(names.map((name) => name.value))
  const { fromMs, untilMs } = termOf(certificate)
  // One that begins later was made while the clock was ahead.
  const isFresh = fromMs <= nowMs && untilMs - nowMs > RENEW_DAYS * DAY_MS
  return isFresh && hosts.every((host) => named.has(host))
}

const termOf = ({ notBefore, notAfter }: X509Certificate): Term => ({
  fromMs: notBefore.getTime(),
  untilMs: notAfter.getTime(),
})

/** Crash story: a power cut between the two leaves the new key beside the old certificate. */
function isPair({ cert, key }: Files): boolean {
  if (!existsSync(cert) || !existsSync(key)) return false
  try {
    const certificate = new OpenSslCertificate(readFileSync(cert))
    return certificate.checkPrivateKey(createPrivateKey(readFileSync(key)))
  } catch {
    return false
  }
}

async function writePair(
  files: Files,
  certificate: X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<void> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key)
  writeDurably(files.key, PemConverter.encode(pkcs8, 'PRIVATE KEY'), 0o600)
  writeDurably(files.cert, `${certificate.toString('pem')}\n`, 0o644)
}

/** 127 random bits, positive (RFC 5280, 4.1.2.2). */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01
  return Buffer.from(bytes).toString('hex')
}
