import { execFile } from 'node:child_process'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import {
  loadServerCertificate,
  type ServerCertificate,
} from '@kefu-edge/cloud-sync/core/certificates'
import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { createJudgedTls, UntrustedError } from '@kefu-edge/cloud-sync/judged-tls'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { systemClock } from '@kefu-edge/cloud-sync/ports'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tempFolder } from '../../support/temp-folder.ts'

const DAY_MS = 86_400_000
const NOW = Date.now()
const DIAL = join(import.meta.dirname, 'support/dial-process.ts')

let folder: string
let closers: (() => unknown)[]
beforeEach(() => {
  folder = tempFolder()
  closers = []
})
afterEach(async () => {
  for (const close of closers.reverse()) await close()
})

const certificate = (name: string, madeAtMs: number, hosts = ['localhost', '127.0.0.1']) =>
  loadServerCertificate(join(folder, name), hosts, madeAtMs)

async function serve({ certPem, keyPem }: ServerCertificate): Promise<number> {
  let received = 0
  const server = https.createServer({ cert: certPem, key: keyPem }, (request, response) => {
    received += 1
    request.resume()
    response.end(`${received}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  return (server.address() as AddressInfo).port
}

function dial(port: number, caPem: string, options: { host?: string; timeMs?: number } = {}) {
  const { timeMs } = options
  const link = createLink({
    url: `https://${options.host ?? '127.0.0.1'}:${port}`,
    caPem,
    identity: loadIdentity('gw-1', join(folder, 'gateway.key')),
    clock: systemClock,
    ...(timeMs === undefined ? {} : { certificateTime: () => ({ nowMs: timeMs, isKnown: true }) }),
  })
  closers.push(() => link.close())
  return link.request({ method: 'GET', path: '/healthz' })
}

describe('the pinned core', () => {
  it.each(['127.0.0.1', 'localhost'])('is met at %s', async (host) => {
    const own = await certificate('core', NOW)
    expect(await dial(await serve(own), own.caPem, { host })).toMatchObject({ status: 200 })
  })

  it('is not a core of another CA, whatever names it bears', async () => {
    const [own, other] = [await certificate('core', NOW), await certificate('other', NOW)]
    expect(await dial(await serve(other), own.caPem)).toMatchObject({ failure: 'untrusted' })
  })

  it('is not a core of this CA under another name', async () => {
    const own = await certificate('core', NOW, ['core.example'])
    expect(await dial(await serve(own), own.caPem)).toMatchObject({ failure: 'untrusted' })
  })

  it('is not anybody who holds no certificate of a CA at all when the system CAs count', async () => {
    const own = await certificate('core', NOW)
    const port = await serve(own)
    const identity = loadIdentity('gw-1', join(folder, 'gateway.key'))
    const link = createLink({ url: `https://127.0.0.1:${port}`, identity, clock: systemClock })
    closers.push(() => link.close())
    const result = await link.request({ method: 'GET', path: '/' })
    expect(result).toMatchObject({ failure: 'untrusted' })
  })
})

describe('time and certificates', () => {
  it('meets the core although the system clock says that its certificate is of the future', async () => {
    // As a box that booted in 1970 sees it: made "later", judged by the last known good time.
    const future = NOW + 4000 * DAY_MS
    const own = await certificate('core', future)
    const port = await serve(own)
    expect(await dial(port, own.caPem)).toMatchObject({ failure: 'untrusted' })
    expect(await dial(port, own.caPem, { timeMs: future })).toMatchObject({ status: 200 })
  })

  it('does not meet it when the certificate is over by the time that is trusted', async () => {
    const past = NOW - 500 * DAY_MS
    const own = await certificate('core', past)
    const port = await serve(own)
    expect(await dial(port, own.caPem)).toMatchObject({ failure: 'untrusted' })
    expect(await dial(port, own.caPem, { timeMs: past + 10 * DAY_MS })).toMatchObject({
      status: 200,
    })
  })

  it('lets no time excuse another CA or another name', async () => {
    const future = NOW + 4000 * DAY_MS
    const [own, other] = [await certificate('core', future), await certificate('other', future)]
    const named = await certificate('named', future, ['core.example'])
    const timeMs = future
    const otherPort = await serve(other)
    expect(await dial(otherPort, own.caPem, { timeMs })).toMatchObject({ failure: 'untrusted' })
    const namedPort = await serve(named)
    expect(await dial(namedPort, named.caPem, { timeMs })).toMatchObject({ failure: 'untrusted' })
  })

  it('makes a new server certificate near its end, under the same CA', async () => {
    const first = await certificate('core', NOW)
    const same = await certificate('core', NOW + 100 * DAY_MS)
    const renewed = await certificate('core', NOW + 380 * DAY_MS)
    const more = await certificate('core', NOW + 380 * DAY_MS, ['127.0.0.1', 'core.example'])
    expect(same.certPem).toBe(first.certPem)
    expect(renewed.certPem).not.toBe(first.certPem)
    expect(more.certPem).not.toBe(renewed.certPem)
    expect(more.caPem).toBe(first.caPem)
  })

  it('judges a core that is not pinned by the time that is trusted too', async () => {
    const own = await certificate('core', NOW)
    const port = await serve(own)
    // Node reads further authorities at its start only.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--conditions=kefu-source',
        '--import',
        'tsx',
        DIAL,
        String(port),
        String(NOW + 500 * DAY_MS),
      ],
      { env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'core', 'ca.pem') } },
    )
    const [bySystemClock, byFloor] = JSON.parse(stdout) as object[]
    expect(bySystemClock).toMatchObject({ status: 200 })
    expect(byFloor).toMatchObject({ failure: 'untrusted', detail: 'its certificate has expired' })
  })
})

describe('a stream that is there before its peer is judged', () => {
  const get = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
  const open = async (port: number, caPem: string) => {
    const time = () => ({ nowMs: NOW, isKnown: true })
    const stream = createJudgedTls({ caPem, time }).open({ host: '127.0.0.1', port })
    closers.push(() => stream.destroy())
    stream.write(get)
    return text(stream)
  }

  it('sends what was written once the peer is trusted', async () => {
    const own = await certificate('core', NOW)
    expect(await open(await serve(own), own.caPem)).toMatch(/^HTTP\/1.1 200 OK/)
  })

  it('sends nothing to a stranger, and ends with the reason', async () => {
    const [own, other] = [await certificate('core', NOW), await certificate('other', NOW)]
    const port = await serve(other)
    await expect(open(port, own.caPem)).rejects.toThrow(UntrustedError)
    // The server counts its requests: this is the first.
    expect((await open(port, other.caPem)).trimEnd().endsWith('1')).toBe(true)
  })
})
