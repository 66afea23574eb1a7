import { X509Certificate } from 'node:crypto'
import { pathFault, pathToRoot } from '@kefu-edge/cloud-sync/certificate-path'
import { beforeEach, describe, expect, it } from 'vitest'
import { createIssuer, type Issuer, type Terms, x509 } from '../../support/certificates.ts'
import { tempFolder } from '../../support/temp-folder.ts'

let folder: string
let root: Issuer
beforeEach(async () => {
  folder = tempFolder()
  root = await createIssuer(folder, 'root')
})

const read = ({ cert }: { cert: string }) => new X509Certificate(cert)

/** What is wrong with a device's certificate below these authorities, from the root on. */
async function faultBelow(issuers: readonly Issuer[], extensions: Terms['extensions'] = []) {
  const issuer = issuers.at(-1) ?? root
  const leaf = read(await issuer.issue('leaf', 'bed-1', [], { extensions }))
  const [top = root, ...between] = issuers
  const path = pathToRoot(leaf, between.map(read), [read(top)])
  return path ? pathFault(path, 'client') : 'no path'
}

const authority = (name: string, parent: Issuer, pathLength: number, more: x509.Extension[] = []) =>
  createIssuer(folder, name, {
    parent,
    extensions: [new x509.BasicConstraintsExtension(true, pathLength, true), ...more],
  })

describe('a path to the root', () => {
  it('is plain where a device has a certificate of the root, or of an authority below it', async () => {
    expect(await faultBelow([root])).toBeUndefined()
    const usage = [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth], true),
    ]
    expect(await faultBelow([root], usage)).toBeUndefined()
    expect(await faultBelow([root, await authority('ward', root, 0)])).toBeUndefined()
  })

  it('is no longer than an authority on it allows', async () => {
    const ward = await authority('ward', root, 0)
    const room = await authority('room', ward, 0)
    expect(await faultBelow([root, ward, room])).toBe('its chain is too long')
  })

  it('does not end at an authority that another one signed, even if that one is trusted', async () => {
    const ward = await authority('ward', root, 0)
    expect(await faultBelow([ward])).toBe('no path')
  })

  it('is not judged where something on it has rules that only OpenSSL reads', async () => {
    const unknown = new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))
    expect(await faultBelow([root], [unknown])).toContain('cannot be judged')
    // nameConstraints: permitted subtrees, a DNS name.
    const names = Buffer.from('300aa0083006820477617264', 'hex')
    const limits = new x509.Extension('2.5.29.30', false, names)
    expect(await faultBelow([root, await authority('ward', root, 0, [limits])])).toContain(
      'cannot be judged',
    )
  })

  it('refuses weak keys and weak signatures', async () => {
    const weak = { name: 'RSASSA-PKCS1-v1_5', publicExponent: new Uint8Array([1, 0, 1]) }
    for (const [hash, modulusLength] of [
      ['SHA-1', 2048],
      ['SHA-256', 1024],
    ] as const) {
      const algorithm = { ...weak, hash, modulusLength }
      const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const selfSigned = await x509.X509CertificateGenerator.createSelfSigned({
        name: 'CN=bed-1',
        keys,
        signingAlgorithm: algorithm,
      })
      const certificate = read({ cert: selfSigned.toString('pem') })
      const path = pathToRoot(certificate, [], [certificate])
      expect(path && pathFault(path, 'client')).toContain('too weak')
    }
  })
})
