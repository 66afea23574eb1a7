/** The box tells people to say 转人工 only where a pack understands it. */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readValidPack } from '../../gateway/knowledge/read-pack.ts'
import { COUNTER_PACK, startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const HANDOFF = `intents:
  - intent: handoff.person
    title: { zh: 转人工, en: Talk to a person }
    skill: command
    command: handoff
    source: Made up for the tests.
    questions: { zh: [转人工, 找人工], en: [talk to a person] }
    answer: { zh: { text: 正在找人。 }, en: { text: Somebody is coming. } }
`

it('says nothing of a person while no pack understands the call, and does once one does', async () => {
  const gateway = await startGateway({ packs: [COUNTER_PACK] })
  const token = await gateway.addDevice('kiosk-1')
  let asks = 0
  const say = async (text: string) => {
    const { body } = await gateway.ask(token, { id: `${asks++}`, text })
    return body as { status: string; text: string }
  }
  const unknown = await say('明天会下雨吗')
  expect(unknown.status).toBe('not-known')
  expect(unknown.text).not.toMatch(/转人工|\{/)

  const dir = tempFolder()
  cpSync(COUNTER_PACK, dir, { recursive: true })
  writeFileSync(join(dir, 'intents/handoff.yaml'), HANDOFF)
  await gateway.box.library.install(readValidPack(dir))
  expect((await say('后天会下雨吗')).text).toContain('转人工')
})
