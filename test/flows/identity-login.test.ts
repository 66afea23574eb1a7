import { connect, type IConnackPacket } from 'mqtt'
import { describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { clientFinal, serverSignature } from '../support/scram-client.ts'

const PASSWORD = '护士站 3 楼 good morning'

async function openWard(): Promise<TestGateway> {
  const gateway = await startGateway({
    packs: [],
    config: { permissions: [{ kind: 'staff', subscribe: ['kefu/v1/+/speech'] }] },
  })
  const staff = { id: 'nurse-1', kind: 'staff', password: PASSWORD }
  const added = await runOperation('device.add', staff, gateway.box.operations)
  expect(added).not.toHaveProperty('token')
  return gateway
}

const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => 'let in',
    (error: { code?: unknown }) => error.code,
  )

describe('staff with a password', () => {
  it('log in with it and are granted what their kind is', async () => {
    const gateway = await openWard()
    const client = await gateway.connectMqtt('nurse-1', PASSWORD, { protocolVersion: 5 })
    const granted = await client.subscribeAsync('kefu/v1/+/speech')
    expect(granted).toHaveLength(1)
  })

  it('are refused with another, and after some failures made to wait, at that place only', async () => {
    const gateway = await openWard()
    const kiosk = await gateway.addDevice('kiosk-1')
    const attempt = (password: string) =>
      codeOf(gateway.connectMqtt('nurse-1', password, { protocolVersion: 5 }))
    expect(await attempt('another password')).toBe(0x86)
    expect(await attempt('')).toBe(0x86)
    const codes: unknown[] = []
    for (let i = 0; i < 12; i++) codes.push(await attempt(`guess number ${i}`))
    expect(codes.at(-1)).toBe(0x9f)
    expect(await codeOf(gateway.connectMqtt('kiosk-1', kiosk))).toBe('let in')
  })

  it('are refused once switched off', async () => {
    const gateway = await openWard()
    await runOperation('device.disable', { id: 'nurse-1' }, gateway.box.operations)
    const attempt = gateway.connectMqtt('nurse-1', PASSWORD, { protocolVersion: 5 })
    expect(await codeOf(attempt)).toBe(0x8a)
  })

  it('leave no password in the data folder', async () => {
    const gateway = await openWard()
    const rows = gateway.box.store.prepare('SELECT * FROM device_login').all()
    expect(JSON.stringify(rows)).not.toContain('good morning')
    const entries = gateway.box.store
      .prepare("SELECT CAST(name AS TEXT) AS name FROM sqlite_master WHERE type = 'table'")
      .all() as { name: string }[]
    expect(entries.length).toBeGreaterThan(5)
  })
})

interface ScramOptions {
  readonly clientId?: string
  readonly username?: string
  /** Awaited before the challenge is answered. */
  readonly onChallenge?: () => Promise<void>
}

/** The whole exchange as a device does it; resolves with the reason code and the server's last word. */
function scramLogin(
  gateway: TestGateway,
  id: string,
  secret: string,
  { clientId = id, username, onChallenge = async () => {} }: ScramOptions = {},
) {
  const clientFirst = `n,,n=${id},r=fyko+d2lbbFgONRv9qkxdawL`
  let proof = ''
  const client = connect(gateway.mqttUrl, {
    clientId,
    ...(username === undefined ? {} : { username }),
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: {
      authenticationMethod: 'SCRAM-SHA-256',
      authenticationData: Buffer.from(clientFirst),
    },
  })
  return new Promise<{ code: number | undefined; isServerProved: boolean }>((resolve, reject) => {
    client.handleAuth = async (packet, done) => {
      const serverFirst = String(packet.properties?.authenticationData)
      proof = serverSignature(clientFirst, serverFirst, secret)
      const authenticationData = Buffer.from(clientFinal(clientFirst, serverFirst, secret))
      await onChallenge()
      const properties = { authenticationMethod: 'SCRAM-SHA-256', authenticationData }
      done(undefined, { cmd: 'auth', reasonCode: 0x18, properties })
    }
    client.on('connect', (packet: IConnackPacket) => {
      const last = packet.properties?.authenticationData?.toString()
      resolve({ code: packet.reasonCode, isServerProved: last === proof })
    })
    client.on('error', (error) => {
      const { code } = error as { code?: number }
      if (typeof code === 'number') resolve({ code, isServerProved: false })
      else reject(error)
    })
    client.on('disconnect', ({ reasonCode }) =>
      resolve({ code: reasonCode, isServerProved: false }),
    )
  }).finally(() => client.end(true))
}

describe('SCRAM-SHA-256 over the wire', () => {
  it('lets a device in by its token, which never travels, and proves the gateway to it', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('kiosk-1')
    expect(await scramLogin(gateway, 'kiosk-1', token)).toEqual({ code: 0, isServerProved: true })
  })

  it('lets a device in that brings no client id', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('kiosk-1')
    expect((await scramLogin(gateway, 'kiosk-1', token, { clientId: '' })).code).toBe(0)
    const ids = gateway.broker.connections().map((one) => one.clientId)
    expect(ids).toEqual([expect.stringMatching(/^kiosk-1:auto-/)])
  })

  it('lets staff in by their password', async () => {
    const gateway = await openWard()
    expect(await scramLogin(gateway, 'nurse-1', PASSWORD)).toEqual({
      code: 0,
      isServerProved: true,
    })
  })

  it.each([
    ['a wrong secret', 'kiosk-1', 'kiosk-1'],
    ['a name that does not exist', 'kiosk-9', 'kiosk-9'],
    ['the client id of another', 'kiosk-1', 'nurse-1'],
  ])('refuses %s with one and the same answer', async (what, id, clientId) => {
    const gateway = await openWard()
    const token = await gateway.addDevice('kiosk-1')
    const secret = what === 'a wrong secret' ? `${token}x` : token
    expect(await scramLogin(gateway, id, secret, { clientId })).toEqual({
      code: 0x87,
      isServerProved: false,
    })
  })

  it('has one who guesses wait by the name that is guessed at, and no neighbour with him', async () => {
    const gateway = await openWard()
    const kiosk = await gateway.addDevice('kiosk-1')
    const bed = await gateway.addDevice('bed-1', 'bedside')
    const codes: unknown[] = []
    for (let n = 0; n < 5; n++) {
      const alias = { clientId: '', username: `name-${n}` }
      codes.push((await scramLogin(gateway, 'kiosk-1', `guess ${n}`, alias)).code)
    }
    expect(codes).toEqual([0x87, 0x87, 0x87, 0x87, 0x9f])
    expect((await scramLogin(gateway, 'kiosk-1', kiosk)).code).toBe(0x9f)
    expect((await scramLogin(gateway, 'bed-1', bed, { clientId: '' })).code).toBe(0)
  })

  it('counts exchanges that are begun at once as one after the other', async () => {
    const gateway = await openWard()
    await gateway.addDevice('kiosk-1')
    let open = 0
    let answer = (): void => {}
    const allOpen = new Promise<void>((resolve) => {
      answer = resolve
    })
    const onChallenge = (): Promise<void> => {
      if (++open === 10) answer()
      return allOpen
    }
    const tries = Array.from({ length: 10 }, () =>
      scramLogin(gateway, 'kiosk-1', 'a guess', { clientId: '', onChallenge }),
    )
    const codes = (await Promise.all(tries)).map((one) => one.code)
    expect(codes.sort()).toEqual([...Array(4).fill(0x87), ...Array(6).fill(0x9f)])
  })

  it('takes a new token, and the old one no longer', async () => {
    const gateway = await openWard()
    const old = await gateway.addDevice('kiosk-1')
    const fresh = await gateway.addDevice('kiosk-1')
    expect((await scramLogin(gateway, 'kiosk-1', old)).code).toBe(0x87)
    expect((await scramLogin(gateway, 'kiosk-1', fresh)).code).toBe(0)
  })
})
