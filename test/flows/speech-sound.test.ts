import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { readWav } from '../../gateway/voice/wav.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { hasPeer } from '../support/peers.ts'

const QUESTION = '停车怎么收费'
const withSound = { answers: { audioKinds: ['speaker'] } }

async function ask(gateway: TestGateway, token: string, id: string): Promise<Speech> {
  const { status, body } = await gateway.ask(token, { id, text: QUESTION })
  expect(status).toBe(200)
  const { speech } = body as unknown as Answer
  if (speech === undefined) throw new Error('an answer without speech')
  return speech
}

const fetchSound = (gateway: TestGateway, path: string, token: string) =>
  fetch(`${gateway.httpUrl}${path}`, { headers: { authorization: `Bearer ${token}` } })

describe.skipIf(!hasPeer('espeak-ng'))('a speaker without a voice of its own', () => {
  it('fetches the sound of its first answer by the id of the speech, and of the next by its address', async () => {
    const gateway = await startGateway({ config: withSound })
    const token = await gateway.addDevice('speaker-1', 'speaker')
    const first = await ask(gateway, token, 'q1')
    const byId = await fetchSound(gateway, `/v1/speech/${first.id}/audio`, token)
    expect(byId.status).toBe(200)
    expect(byId.headers.get('content-type')).toBe('audio/wav')
    const sound = Buffer.from(await byId.arrayBuffer())
    const { pcm, sampleRateHz } = readWav(sound)
    expect(pcm.length / 2 / sampleRateHz).toBeGreaterThan(1)

    const { audio } = await ask(gateway, token, 'q2')
    expect(audio).toMatchObject({ contentType: 'audio/wav', bytes: sound.length })
    expect(audio?.sha256).toBe(createHash('sha256').update(sound).digest('hex'))
    const byUrl = await fetchSound(gateway, audio?.url ?? '', token)
    expect(Buffer.from(await byUrl.arrayBuffer()).equals(sound)).toBe(true)
  })

  it('keeps the sound of its speech from other devices, and from nobody in particular', async () => {
    const gateway = await startGateway({ config: withSound })
    const token = await gateway.addDevice('speaker-1', 'speaker')
    const other = await gateway.addDevice('speaker-2', 'speaker')
    const { id } = await ask(gateway, token, 'q1')
    expect((await fetchSound(gateway, `/v1/speech/${id}/audio`, other)).status).toBe(404)
    expect((await fetchSound(gateway, `/v1/speech/${id}/audio`, 'kd_wrong')).status).toBe(401)
    expect((await fetchSound(gateway, '/v1/speech/%E0%A4%A/audio', token)).status).toBe(404)
  })

  it('hears an announcement with its sound', async () => {
    const gateway = await startGateway({ config: withSound })
    const token = await gateway.addDevice('speaker-1', 'speaker')
    const client = await gateway.connectMqtt('speaker-1', token)
    await client.subscribeAsync('kefu/v1/speaker-1/speech', { qos: 1 })
    const hear = async () => {
      const heard = new Promise<Buffer>((resolve) =>
        client.once('message', (_topic, payload) => resolve(payload)),
      )
      await gateway.box.hooks.live?.announce({ devices: ['speaker-1'], text: '请张三到3号诊室' })
      return JSON.parse((await heard).toString()) as Speech
    }
    // On a busy machine the first goes out before its sound is made: an alarm does not wait.
    const first = await hear()
    expect((await fetchSound(gateway, `/v1/speech/${first.id}/audio`, token)).status).toBe(200)
    const { audio } = await hear()
    expect(audio?.durationMs).toBeGreaterThan(500)
    expect((await fetchSound(gateway, audio?.url ?? '', token)).status).toBe(200)
  })

  it('leaves nothing on disk of a person that was erased', async () => {
    const gateway = await startGateway({ config: withSound })
    const token = await gateway.addDevice('speaker-1', 'speaker')
    const { id } = await ask(gateway, token, 'q1')
    await fetchSound(gateway, `/v1/speech/${id}/audio`, token)
    const folder = join(gateway.dataDir, 'audio')
    expect(readdirSync(folder)).toHaveLength(1)
    const who = { id: 'p-1', kind: 'patient' }
    await gateway.ask(token, { id: 'q2', text: QUESTION, subject: who })
    await runOperation('subject.erase', { ...who, reason: 'asked' }, gateway.box.operations)
    expect(readdirSync(folder)).toEqual([])
    expect((await fetchSound(gateway, `/v1/speech/${id}/audio`, token)).status).toBe(404)
  })
})

it('a kind that gets no sound is answered as before, and no folder is made', async () => {
  const gateway = await startGateway()
  const token = await gateway.addDevice('kiosk-1')
  await ask(gateway, token, 'q1')
  const { audio, id } = await ask(gateway, token, 'q2')
  expect(audio).toBeUndefined()
  expect((await fetchSound(gateway, `/v1/speech/${id}/audio`, token)).status).toBe(404)
  expect(existsSync(join(gateway.dataDir, 'audio'))).toBe(false)
})
