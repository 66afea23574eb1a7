/** Certificates as a site's own CA issues them, in files as an operator gives them. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 24 * 3_600_000

x509.cryptoProvider.set(webcrypto as Crypto)

export { x509 }

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

export interface Terms {
  /** Days from now at which it begins and ends; a day before and after unless told otherwise. */
  readonly fromDays?: number
  readonly untilDays?: number
  readonly extensions?: readonly x509.Extension[]
}

export interface Issuer {
  /** The CA's own certificate. */
  readonly certFile: string
  readonly cert: string
  readonly name: string
  readonly keys: CryptoKeyPair
  /** A certificate with this CN and these DNS names; `name` is that of its files. */
  issue(
    name: string,
    commonName: string,
    dnsNames?: readonly string[],
    terms?: Terms,
  ): Promise<CertificateFiles>
}

type CryptoKeyPair = webcrypto.CryptoKeyPair

const newKeys = (): Promise<CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])

const valid = ({ fromDays = -1, untilDays = 1 }: Terms) => ({
  notBefore: new Date(Date.now() + fromDays * DAY_MS),
  notAfter: new Date(Date.now() + untilDays * DAY_MS),
})

/** An authority; one below `parent` where that is given. Its subject is `name` without what follows a slash. */
export async function createIssuer(
  folder: string,
  name: string,
  terms: Terms & { readonly parent?: Issuer } = {},
): Promise<Issuer> {
  const keys = await newKeys()
  const { parent, extensions = [new x509.BasicConstraintsExtension(true, 1, true)] } = terms
  const subject = `CN=${name.split('/')[0]}`
  const own = await x509.X509CertificateGenerator.create({
    ...valid(terms),
    subject,
    issuer: parent?.name ?? subject,
    publicKey: keys.publicKey,
    signingKey: (parent?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [...extensions],
  })
  let serial = 1
  const save = (file: string, text: string): string => {
    const path = join(folder, file.replace('/', '-'))
    writeFileSync(path, text)
    return path
  }
  return {
    name: own.subject,
    keys,
    cert: own.toString('pem'),
    certFile: save(`${name}.pem`, own.toString('pem')),
    issue: async (fileName, commonName, dnsNames = [], terms = {}) => {
      const own = await newKeys()
      const names = dnsNames.map((value) => ({ type: 'dns' as const, value }))
      const leaf = await x509.X509CertificateGenerator.create({
        ...valid(terms),
        serialNumber: String(++serial).padStart(2, '0'),
        subject: `CN=${commonName}`,
        issuer: subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
          ...(terms.extensions ?? []),
        ],
      })
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey)
      const cert = leaf.toString('pem')
      const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')
      const certFile = save(`${fileName}.crt`, cert)
      return { cert, key, certFile, keyFile: save(`${fileName}.key`, key) }
    },
  }
}
