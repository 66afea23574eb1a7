/** Device certificates on a box whose own clock is wrong: what counts is the time that the box trusts. */
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../gateway/clock.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import {
  type CertificateFiles,
  createIssuer,
  type Issuer,
  type Terms,
  x509,
} from '../support/certificates.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const DAY_MS = 86_400_000
/** OpenSSL judges by the clock of the machine: to it, what begins here is "not yet valid". */
const LATER_DAYS = 300
const LATER: Terms = { fromDays: LATER_DAYS - 1, untilDays: LATER_DAYS + 1 }
const EVER: Terms = { fromDays: -100, untilDays: 3000 }
const NOT_AUTHORISED = 0x87

const clients: MqttClient[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.end(true)
})

type Door = 'mqtts' | 'wss'

interface Site {
  readonly gateway: TestGateway
  readonly ca: Issuer
  readonly folder: string
  join(door: Door, shown?: CertificateFiles, options?: IClientOptions): Promise<MqttClient>
  ends(): Promise<readonly { reason: string; clientId: string }[]>
}

/** A box with this clock, whose devices have certificates. */
async function openSite(options: { nowMs: () => number; isRequired?: boolean }): Promise<Site> {
  const folder = tempFolder()
  const ca = await createIssuer(folder, 'site-ca', EVER)
  const box = await ca.issue('box', 'box', ['localhost'])
  const gateway = await startGateway({
    packs: [],
    overrides: { clock: { ...systemClock, now: options.nowMs } },
    config: {
      mqtt: { port: 0, tlsPort: 0 },
      http: { port: 0, tlsPort: 0 },
      tls: {
        host: '127.0.0.1',
        certFile: box.certFile,
        keyFile: box.keyFile,
        caFile: ca.certFile,
        requireClientCertificate: options.isRequired ?? false,
      },
    },
  })
  await gateway.addDevice('bed-1', 'bedside')
  const urls = {
    mqtts: `mqtts://localhost:${gateway.ports.mqttTls}`,
    wss: `wss://localhost:${gateway.ports.httpTls}/mqtt`,
  }
  return {
    gateway,
    ca,
    folder,
    join: async (door, shown, more = {}) => {
      const tls = { ca: ca.cert, ...(shown ? { cert: shown.cert, key: shown.key } : {}) }
      const login: IClientOptions = {
        clientId: 'bed-1',
        protocolVersion: 5,
        reconnectPeriod: 0,
        connectTimeout: 5000,
        ...(door === 'wss' ? { wsOptions: tls } : tls),
        ...more,
      }
      const client = await connectAsync(urls[door], login, false)
      clients.push(client)
      return client
    },
    ends: async () =>
      (await runOperation('mqtt.ends', {}, gateway.box.operations)) as Awaited<
        ReturnType<Site['ends']>
      >,
  }
}

const codeOf = (joined: Promise<unknown>): Promise<unknown> =>
  joined.then(
    () => 'let in',
    (error: { code?: unknown }) => error.code ?? 'cut',
  )

const later = () => Date.now() + LATER_DAYS * DAY_MS
const in1970 = () => DAY_MS

const doors = (['mqtts', 'wss'] as const).flatMap((door) =>
  [true, false].map((isRequired) => ({ door, isRequired })),
)

describe.each(doors)('over $door, certificates required: $isRequired', ({ door, isRequired }) => {
  it('a certificate of today counts although OpenSSL holds it to be of the future', async () => {
    const { join, ca } = await openSite({ nowMs: later, isRequired })
    const client = await join(door, await ca.issue('bed-1', 'bed-1', [], LATER))
    await client.subscribeAsync('kefu/v1/bed-1/answer', { qos: 1 })
  })

  it('one that is over by the time of the box is refused, although OpenSSL would let it pass', async () => {
    const { join, ca, ends } = await openSite({ nowMs: later, isRequired })
    const over = await ca.issue('bed-1', 'bed-1', [], { fromDays: -1, untilDays: 1 })
    expect(await codeOf(join(door, over))).toBe(NOT_AUTHORISED)
    expect(await ends()).toMatchObject([
      { clientId: 'bed-1', reason: expect.stringContaining('has expired') },
    ])
  })

  it('one that begins after a time that is known is refused', async () => {
    const { join, ca, ends } = await openSite({ nowMs: later, isRequired })
    const early = await ca.issue('bed-1', 'bed-1', [], { fromDays: 400, untilDays: 800 })
    expect(await codeOf(join(door, early))).toBe(NOT_AUTHORISED)
    expect(await ends()).toMatchObject([{ reason: expect.stringContaining('not valid yet') }])
  })

  it('nothing that OpenSSL’s complaint about time may hide is let in', async () => {
    const { join, ca, folder, ends } = await openSite({ nowMs: later, isRequired })
    const stranger = await createIssuer(folder, 'stranger-ca', EVER)
    const sameName = await createIssuer(folder, 'site-ca/forged', EVER)
    // No authority, though its key signs as well as an authority's does.
    const device = await createIssuer(folder, 'bed-0', { ...EVER, parent: ca, extensions: [] })
    const forServers = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth])
    const forSealing = new x509.KeyUsagesExtension(x509.KeyUsageFlags.dataEncipherment, true)
    const bad = [
      await stranger.issue('stranger', 'bed-1', [], LATER),
      await sameName.issue('same-name', 'bed-1', [], LATER),
      await ca.issue('server', 'bed-1', [], { ...LATER, extensions: [forServers] }),
      await ca.issue('sealing', 'bed-1', [], { ...LATER, extensions: [forSealing] }),
      await issuedBelow(device),
    ]
    for (const shown of bad) {
      const code = await codeOf(join(door, shown))
      expect(code).not.toBe('let in')
    }
    if (isRequired) expect(await ends()).not.toHaveLength(0)
    expect(JSON.stringify(await ends())).not.toContain('has expired')
  })
})

/** A device's certificate, with that of its issuer sent along. */
async function issuedBelow(issuer: Issuer): Promise<CertificateFiles> {
  const leaf = await issuer.issue('below', 'bed-1', [], LATER)
  return { ...leaf, cert: `${leaf.cert}\n${issuer.cert}\n` }
}

describe('an authority between that of the site and the device', () => {
  it('counts within its term, and not beyond', async () => {
    const { join, ca, folder, ends } = await openSite({ nowMs: later, isRequired: true })
    const ward = await createIssuer(folder, 'ward', { ...EVER, parent: ca })
    await join('mqtts', await issuedBelow(ward))
    const over = await createIssuer(folder, 'old-ward', { fromDays: -9, untilDays: 9, parent: ca })
    expect(await codeOf(join('mqtts', await issuedBelow(over)))).toBe(NOT_AUTHORISED)
    expect((await ends())[0]?.reason).toContain('those that issued it, has expired')
  })

  it('is none where it is not one of the site', async () => {
    const { join, folder } = await openSite({ nowMs: later, isRequired: true })
    const stranger = await createIssuer(folder, 'site-ca/forged', EVER)
    const ward = await createIssuer(folder, 'ward', { ...EVER, parent: stranger })
    expect(await codeOf(join('mqtts', await issuedBelow(ward)))).not.toBe('let in')
  })
})

describe('a box that woke in 1970', () => {
  it('lets in a device whose certificate is younger than the last time it knew', async () => {
    const { join, ca, gateway } = await openSite({ nowMs: in1970, isRequired: true })
    expect(gateway.box.time.doubt()).toBeDefined()
    const fresh = await ca.issue('bed-1', 'bed-1', [], { fromDays: 20, untilDays: 40 })
    await join('mqtts', fresh)
    await gateway.box.time.confirm(Date.now(), 100)
    expect(await codeOf(join('mqtts', fresh))).toBe(NOT_AUTHORISED)
  })

  it('refuses one that was over before that time', async () => {
    const { join, ca } = await openSite({ nowMs: in1970, isRequired: true })
    const over = await ca.issue('bed-1', 'bed-1', [], { fromDays: -99, untilDays: -60 })
    expect(await codeOf(join('mqtts', over))).toBe(NOT_AUTHORISED)
  })
})

it('whose certificate is over comes in by its token where certificates are not required, and only there', async () => {
  const over: Terms = { fromDays: -1, untilDays: 1 }
  for (const isRequired of [false, true]) {
    const { join, ca, gateway } = await openSite({ nowMs: later, isRequired })
    const password = await gateway.addDevice('bed-1', 'bedside')
    const shown = await ca.issue('bed-1', 'bed-1', [], over)
    const joined = join('mqtts', shown, { username: 'bed-1', password })
    expect(await codeOf(joined)).toBe(isRequired ? NOT_AUTHORISED : 'let in')
  }
})
