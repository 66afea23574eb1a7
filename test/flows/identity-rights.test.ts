import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type MqttClient } from 'mqtt'
import { describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** What the issue allows for a change to be in force. */
const IN_FORCE_MS = 1000

const WARD = `permissions:
  - group: ward-3
    subscribe: ["ward/3/#"]
  - kind: staff
    publish: ["ward/+/notice"]
    subscribe: ["ward/#"]
    denySubscribe: ["ward/keys"]
`

async function openWard(): Promise<TestGateway> {
  const dataDir = tempFolder()
  writeFileSync(join(dataDir, 'kefu-edge.yaml'), WARD)
  return startGateway({ dataDir, packs: [] })
}

/** A client that notes what it hears and how it was cut. */
async function listen(gateway: TestGateway, id: string, token: string, filter: string) {
  const client = await gateway.connectMqtt(id, token, { protocolVersion: 5 })
  const heard: string[] = []
  const problems: { code?: string }[] = []
  client.on('message', (topic, payload) => {
    if (topic.endsWith('/problem')) problems.push(JSON.parse(payload.toString()))
    else heard.push(topic)
  })
  const cut = new Promise<{ code: number | undefined; reason: string | undefined }>((resolve) => {
    client.on('disconnect', ({ reasonCode, properties }) =>
      resolve({ code: reasonCode, reason: properties?.reasonString }),
    )
  })
  await client.subscribeAsync([filter, `kefu/v1/${id}/problem`], { qos: 1 })
  return { client, heard, problems, cut }
}

const grantOf = (client: MqttClient, filter: string): Promise<number | undefined> =>
  client.subscribeAsync(filter).then(
    (grants) => grants[0]?.qos,
    (error: { packet?: { granted?: number[] } }) => error.packet?.granted?.[0],
  )

describe('a device that is moved to another group', () => {
  it('is cut within a second, told why, and not let back to what it lost', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('bed-1', 'bedside', ['ward-3'])
    const bed = await listen(gateway, 'bed-1', token, 'ward/3/notice')
    const began = performance.now()
    const change = { id: 'bed-1', groups: ['ward-4'] }
    const report = await runOperation('device.update', change, gateway.box.operations)
    expect(report).toMatchObject({ cut: ['bed-1'], groups: ['ward-4'] })
    expect(await bed.cut).toEqual({ code: 0x98, reason: 'What the device may do has changed' })
    expect(performance.now() - began).toBeLessThan(IN_FORCE_MS)
    expect(bed.problems).toMatchObject([{ code: 'permissions.changed' }])
    const again = await gateway.connectMqtt('bed-1', token, { protocolVersion: 5 })
    expect(await grantOf(again, 'ward/3/notice')).toBe(0x87)
  })

  it('is not disturbed when it only gains', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('bed-1', 'bedside')
    const bed = await gateway.connectMqtt('bed-1', token, { protocolVersion: 5 })
    expect(await grantOf(bed, 'ward/3/notice')).toBe(0x87)
    const change = { id: 'bed-1', groups: ['ward-3'] }
    const report = await runOperation('device.update', change, gateway.box.operations)
    expect(report).toMatchObject({ cut: [] })
    expect(await grantOf(bed, 'ward/3/notice')).toBe(0)
  })

  it('keeps no ear in its old ward through a restart, though messages came before it was back', async () => {
    const before = await openWard()
    const { dataDir } = before
    const token = await before.addDevice('bed-1', 'bedside', ['ward-3'])
    const kept = { clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } }
    const bed = await before.connectMqtt('bed-1', token, kept)
    await bed.subscribeAsync(['ward/3/notice', 'kefu/v1/bed-1/speech'], { qos: 1 })
    await before.close()
    writeFileSync(join(dataDir, 'kefu-edge.yaml'), WARD.replace('group: ward-3', 'group: ward-9'))

    const after = await startGateway({ dataDir, packs: [] })
    await after.broker.publish({ topic: 'ward/3/notice', payload: 'x', qos: 1 })
    const again = await after.connectMqtt('bed-1', token, kept)
    const first = new Promise<string>((resolve) => again.once('message', resolve))
    for (const topic of ['ward/3/notice', 'kefu/v1/bed-1/speech']) {
      await after.broker.publish({ topic, payload: 'x', qos: 1 })
    }
    expect(await first).toBe('kefu/v1/bed-1/speech')
  })

  it('hears nothing of its old ward from a session that was stored, nor what was queued before it lost the right', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('bed-1', 'bedside', ['ward-3'])
    const kept = {
      clean: false,
      properties: { sessionExpiryInterval: 3600 },
      protocolVersion: 5,
    } as const
    const bed = await gateway.connectMqtt('bed-1', token, kept)
    await bed.subscribeAsync(['ward/3/notice', 'kefu/v1/bed-1/speech'], { qos: 1 })
    await bed.endAsync()
    const before = { topic: 'ward/3/notice', payload: 'queued before the move', qos: 1 } as const
    await gateway.broker.publish(before)
    await runOperation('device.update', { id: 'bed-1', groups: [] }, gateway.box.operations)
    for (const topic of ['ward/3/notice', 'kefu/v1/bed-1/speech']) {
      await gateway.broker.publish({ topic, payload: 'x', qos: 1 })
    }
    const heard: string[] = []
    const again = connect(gateway.mqttUrl, {
      ...kept,
      ...{ clientId: 'bed-1', username: 'bed-1', password: token, reconnectPeriod: 0 },
    })
    const first = new Promise<string>((resolve) => {
      again.on('message', (topic) => {
        heard.push(topic)
        resolve(topic)
      })
    })
    expect(await first).toBe('kefu/v1/bed-1/speech')
    expect(heard).toEqual(['kefu/v1/bed-1/speech'])
    await again.endAsync(true)
  })
})

describe('a device of another kind', () => {
  it('may publish as that kind from the next message on, over the same connection', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('desk-1', 'kiosk')
    const desk = await gateway.connectMqtt('desk-1', token, { protocolVersion: 5 })
    const send = () =>
      desk.publishAsync('ward/3/notice', 'x', { qos: 1 }).then(
        () => 'taken',
        (error: { code?: number }) => error.code,
      )
    expect(await send()).toBe(0x90)
    await runOperation('device.update', { id: 'desk-1', kind: 'staff' }, gateway.box.operations)
    expect(await send()).toBe('taken')
    await runOperation('device.update', { id: 'desk-1', kind: 'kiosk' }, gateway.box.operations)
  })
})

describe('rules that change in the configuration', () => {
  it('are in force within a second of a reload, on live connections', async () => {
    const gateway = await openWard()
    const staff = await gateway.addDevice('nurse-1', 'staff')
    const bedToken = await gateway.addDevice('bed-1', 'bedside', ['ward-3'])
    const nurse = await listen(gateway, 'nurse-1', staff, 'ward/3/notice')
    const bed = await listen(gateway, 'bed-1', bedToken, 'ward/3/notice')
    await gateway.broker.publish({ topic: 'ward/3/notice', payload: 'x', qos: 1 })
    await expect.poll(() => [nurse.heard.length, bed.heard.length]).toEqual([1, 1])

    const withoutStaff = `${WARD.split('  - kind: staff')[0]}`
    writeFileSync(join(gateway.dataDir, 'kefu-edge.yaml'), withoutStaff)
    const began = performance.now()
    const report = await runOperation('reload', {}, gateway.box.operations)
    expect(report).toMatchObject({ rules: 1, cut: ['nurse-1'], certificates: 'none' })
    expect((await nurse.cut).code).toBe(0x98)
    expect(performance.now() - began).toBeLessThan(IN_FORCE_MS)
    await gateway.broker.publish({ topic: 'ward/3/notice', payload: 'x', qos: 1 })
    await expect.poll(() => bed.heard.length).toBe(2)
    expect(nurse.heard).toHaveLength(1)
  })

  it('stay as they were when the new ones are not valid', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('bed-1', 'bedside', ['ward-3'])
    writeFileSync(join(gateway.dataDir, 'kefu-edge.yaml'), 'permissions: 7\n')
    await expect(runOperation('reload', {}, gateway.box.operations)).rejects.toMatchObject({
      code: 'config.invalid',
    })
    const bed = await gateway.connectMqtt('bed-1', token, { protocolVersion: 5 })
    expect(await grantOf(bed, 'ward/3/x')).toBe(0)
  })
})

describe('kefu-edge permissions', () => {
  it('is a table of who may what', async () => {
    const gateway = await openWard()
    announce(gateway)
    const { code, out } = await kefu('permissions', '--data', gateway.dataDir)
    expect(code).toBe(0)
    expect(out.split('\n')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^every device +publish +kefu\/v1\/%d\/ask$/),
        expect.stringMatching(/^every device +subscribe +kefu\/v1\/%d\/#$/),
        expect.stringMatching(/^group ward-3 +subscribe +ward\/3\/#$/),
        expect.stringMatching(/^kind staff +never subscribe +ward\/keys$/),
      ]),
    )
  })

  it('shows of one device what holds for it, after device update too', async () => {
    const gateway = await openWard()
    announce(gateway)
    await gateway.addDevice('bed-1', 'bedside', ['ward-3'])
    const at = ['--data', gateway.dataDir] as const
    const before = await kefu('permissions', '--device', 'bed-1', ...at)
    expect(before.out).toMatch(/publish +kefu\/v1\/bed-1\/ask/)
    expect(before.out).toContain('ward/3/#')
    expect(before.out).not.toContain('staff')
    const update = await kefu('device', 'update', 'bed-1', '--kind', 'staff', ...at)
    expect(JSON.parse(update.out)).toMatchObject({ kind: 'staff', groups: ['ward-3'] })
    expect((await kefu('permissions', '--device', 'bed-1', ...at)).out).toContain('ward/keys')
    expect((await kefu('permissions', '--device', 'bed-9', ...at)).code).toBe(1)
  })
})
