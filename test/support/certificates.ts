/** Certificates as a site's own CA issues them, in files as an operator gives them. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 24 * 3_600_000

x509.cryptoProvider.set(webcrypto as Crypto)

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

export interface Issuer {
  /** The CA's own certificate. */
  readonly certFile: string
  readonly cert: string
  /** A certificate with this CN and these DNS names; `name` is that of its files. */
  issue(name: string, commonName: string, dnsNames?: readonly string[]): Promise<CertificateFiles>
}

export async function createIssuer(folder: string, name: string): Promise<Issuer> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const valid = {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
  }
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...valid,
    name: `CN=${name}`,
    keys: keys as CryptoKeyPair,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  })
  let serial = 1
  const save = (file: string, text: string): string => {
    const path = join(folder, file)
    writeFileSync(path, text)
    return path
  }
  return {
    cert: root.toString('pem'),
    certFile: save(`${name}.pem`, root.toString('pem')),
    issue: async (fileName, commonName, dnsNames = []) => {
      const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const names = dnsNames.map((value) => ({ type: 'dns' as const, value }))
      const leaf = await x509.X509CertificateGenerator.create({
        ...valid,
        serialNumber: String(++serial).padStart(2, '0'),
        subject: `CN=${commonName}`,
        issuer: root.subject,
        publicKey: own.publicKey as CryptoKey,
        signingKey: keys.privateKey as CryptoKey,
        signingAlgorithm: ALGORITHM,
        extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
      })
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey)
      const cert = leaf.toString('pem')
      const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')
      const certFile = save(`${fileName}.crt`, cert)
      return { cert, key, certFile, keyFile: save(`${fileName}.key`, key) }
    },
  }
}
