/** The other broker's certificate on a box whose own clock is wrong: what counts is the time that the box trusts. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../gateway/clock.ts'
import { createIssuer, type Terms } from '../support/certificates.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { bridgeStatus, bridgeTo, connectTo, gatherFrom, open, until } from './bridge-support.ts'

vi.setConfig({ testTimeout: 60_000 })

const DAY_MS = 86_400_000
/** OpenSSL judges by the clock of the machine: to it, what begins here is "not yet valid". */
const LATER_DAYS = 300
const LATER: Terms = { fromDays: LATER_DAYS - 1, untilDays: LATER_DAYS + 1 }
const EVER: Terms = { fromDays: -100, untilDays: 3000 }
const clock = { ...systemClock, now: () => Date.now() + LATER_DAYS * DAY_MS }

type Door = 'mqtts' | 'wss'

/** A broker whose certificate has these terms, and a box of a later time that has a bridge to it. */
async function openBridge(door: Door, terms: Terms, hasItsCa = true) {
  const folder = tempFolder()
  const ca = await createIssuer(folder, 'hospital-ca', EVER)
  const { certFile, keyFile } = await ca.issue('his', 'his', ['localhost'], terms)
  const remote = await startGateway({
    packs: [],
    config: {
      ...open,
      mqtt: { ...open.mqtt, tlsPort: 0 },
      http: { port: 0, tlsPort: 0 },
      tls: { host: '127.0.0.1', certFile, keyFile },
    },
  })
  const { mqttTls, httpTls } = remote.ports
  const url = { mqtts: `mqtts://localhost:${mqttTls}`, wss: `wss://localhost:${httpTls}/mqtt` }
  const trust = hasItsCa ? { caFile: ca.certFile } : {}
  const bridges = [bridgeTo(0, { url: url[door], ...trust })]
  const local = await startGateway({
    packs: [],
    overrides: { clock },
    config: { ...open, bridges },
  })
  return { remote, local }
}

const reason = (local: Parameters<typeof bridgeStatus>[0]) =>
  until(() => bridgeStatus(local).lastError, 'a reason')

describe.each(['mqtts', 'wss'] as const)('a bridge over %s', (door) => {
  it('goes to a broker whose certificate is of today, although OpenSSL holds it to be of the future', async () => {
    const { remote, local } = await openBridge(door, LATER)
    await until(() => bridgeStatus(local).state === 'connected', 'an echo')
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/')
    const here = await connectTo(local.mqttUrl, 'here')
    await here.publishAsync('site/a', '病'.repeat(100_000), { qos: 2 })
    await until(() => got.length > 0, 'the message')
    expect(got).toEqual(['病'.repeat(100_000)])
  })

  it('does not go to one whose certificate is over, although OpenSSL would, and says why', async () => {
    const { local } = await openBridge(door, { fromDays: -1, untilDays: 1 })
    expect(await reason(local)).toContain('has expired')
  })

  it('does not go to one of an authority that it does not know, and says what to set', async () => {
    const { local } = await openBridge(door, LATER, false)
    expect(await reason(local)).toContain('set caFile')
  })
})

it('a CA file without a certificate is named at the start', async () => {
  const caFile = join(tempFolder(), 'ca.pem')
  writeFileSync(caFile, 'nothing\n')
  const bridges = [bridgeTo(1, { url: 'mqtts://localhost', caFile })]
  await expect(startGateway({ packs: [], config: { ...open, bridges } })).rejects.toMatchObject({
    code: 'config.unreadable',
    message: expect.stringContaining('of bridge "hospital"'),
  })
})
