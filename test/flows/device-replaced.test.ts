import type { MqttClient } from 'mqtt'
import { describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { kefu } from '../support/command.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const ID = 'bed-1'
const kinds = ({ box }: TestGateway): (string | undefined)[] =>
  Array.from({ length: box.ledger.size() }, (_, at) => box.ledger.entryAt(at)?.kind)
const count = (gateway: TestGateway, kind: string): number =>
  kinds(gateway).filter((one) => one === kind).length
const send = (client: MqttClient, name: string, message: object) =>
  client.publishAsync(`kefu/v1/${ID}/${name}`, JSON.stringify(message), { qos: 1 })
const press = (client: MqttClient) =>
  send(client, 'event', { id: 'e-1', kind: 'button', name: 'call-nurse' })
const replace = { id: ID, kind: 'bedside', replace: true } as const

async function tokenOf(gateway: TestGateway, args: object): Promise<string> {
  const added = await runOperation('device.add', args, gateway.box.operations)
  return (added as { token: string }).token
}

/** A patient has asked at the old box, and pressed its button. */
async function useOldBox(gateway: TestGateway) {
  const token = await gateway.addDevice(ID, 'bedside')
  const old = await gateway.connectMqtt(ID, token)
  await press(old)
  await press(old)
  expect(count(gateway, 'event.button')).toBe(1)
  const asked = await gateway.ask(token, { id: 'q-1', text: '停车场在哪' })
  await old.endAsync()
  return asked.body
}

describe('a new box under the name of one before, which counts its messages from 1 again', () => {
  it.each([
    ['was removed and added', true],
    ['was given a new secret', false],
  ])('is heard, and gets its own answers, where the name %s', async (_, isRemoved) => {
    const gateway = await startGateway()
    const before = await useOldBox(gateway)
    if (isRemoved) await runOperation('device.remove', { id: ID }, gateway.box.operations)
    const token = await tokenOf(gateway, isRemoved ? { id: ID, kind: 'bedside' } : replace)
    const fresh = await gateway.connectMqtt(ID, token)
    await press(fresh)
    await press(fresh)
    expect(count(gateway, 'event.button')).toBe(2)
    const { body } = await gateway.ask(token, { id: 'q-1', text: '门诊几点开门' })
    expect(body.session).not.toBe(before.session)
    expect(body.text).not.toBe(before.text)
    expect((await gateway.ask(token, { id: 'q-1', text: '门诊几点开门' })).body).toEqual(body)
  })
})

async function replaceWhileRunning(gateway: TestGateway): Promise<[TestGateway, string]> {
  return [gateway, await tokenOf(gateway, replace)]
}

async function replaceWhileStopped(gateway: TestGateway): Promise<[TestGateway, string]> {
  await gateway.close()
  const words = ['device', 'add', ID, '--kind', 'bedside', '--data', gateway.dataDir, '--replace']
  const { token } = JSON.parse((await kefu(...words)).out) as { token: string }
  return [await startGateway({ dataDir: gateway.dataDir, packs: [] }), token]
}

describe.each([
  ['while the gateway runs', replaceWhileRunning],
  ['while the gateway is stopped', replaceWhileStopped],
])('a box that takes over a name %s', (_when, takeOver) => {
  it('has its state in the twin from its first report, and none of the box before', async () => {
    const before = await startGateway({ packs: [] })
    const token = await before.addDevice(ID, 'bedside')
    const desired = { device: ID, state: { volume: 3 } }
    await runOperation('twin.desire', desired, before.box.operations)
    const report = (client: MqttClient, state: object, version: number) =>
      client.publishAsync(`kefu/v1/${ID}/reported`, JSON.stringify({ state, version }), {
        qos: 1,
        retain: true,
      })
    const twinOf = ({ box }: TestGateway) => box.twins.read(ID)
    await report(await before.connectMqtt(ID, token), { volume: 3, firmware: 'old' }, 812)
    expect(twinOf(before).drift).toEqual([])

    const [gateway, fresh] = await takeOver(before)
    expect(twinOf(gateway)).toMatchObject({ reported: { state: {} }, drift: ['volume'] })
    expect(gateway.broker.retainedTopics(`kefu/v1/${ID}/reported`)).toEqual([])
    expect(gateway.broker.retainedTopics(`kefu/v1/${ID}/desired`)).toHaveLength(1)
    await report(await gateway.connectMqtt(ID, fresh), { volume: 5 }, 1)
    expect(twinOf(gateway).reported).toMatchObject({ version: 1, state: { volume: 5 } })
  })
})

describe('a device', () => {
  it('that is given a new secret stays in its ward', async () => {
    const gateway = await startGateway()
    await gateway.addDevice(ID, 'bedside', ['ward-9'])
    await gateway.close()
    const words = ['device', 'add', ID, '--kind', 'bedside', '--data', gateway.dataDir]
    const added = JSON.parse((await kefu(...words, '--replace')).out) as { groups: string[] }
    expect(added.groups).toEqual(['ward-9'])
    const moved = JSON.parse((await kefu(...words, '--replace', '--group', 'ward-2')).out)
    expect(moved).toMatchObject({ groups: ['ward-2'] })
  })

  it('that kept a comment back while it was given a new secret sends it as words of the same person', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice(ID, 'bedside')
    const subject = { id: 'p-1', kind: 'patient' } as const
    await gateway.ask(token, { id: 'q-1', text: '停车场在哪', subject })
    const bed = await gateway.connectMqtt(ID, await tokenOf(gateway, replace))
    await send(bed, 'feedback', {
      id: 'f-1',
      inReplyTo: 'q-1',
      rating: 'down',
      comment: '没有车位',
    })
    const kept = await runOperation('subject.export', subject, gateway.box.operations)
    expect(JSON.stringify(kept)).toContain('没有车位')
  })

  it('that says again what it played has played it once, whatever it said between', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice(ID, 'bedside')
    const bed = await gateway.connectMqtt(ID, token)
    const { speech } = (await gateway.ask(token, { id: 'q', text: '停车场在哪' })).body as {
      speech: { id: string }
    }
    const at = new Date().toISOString()
    for (let time = 0; time < 2; time++) {
      for (const state of ['playing', 'played']) {
        await send(bed, 'played', { id: `r-${state}`, speech: speech.id, state, at })
      }
    }
    expect([count(gateway, 'speech.playing'), count(gateway, 'speech.played')]).toEqual([1, 1])
  })
})
