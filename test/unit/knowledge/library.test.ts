import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Pack } from '../../../gateway/knowledge/pack-schema.ts'
import { readValidPack } from '../../../gateway/knowledge/read-pack.ts'
import { trainInWorker } from '../../../gateway/knowledge/train-in-worker.ts'
import { DESK_PACK, startGateway } from '../../support/gateway.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const deskPack = (): Pack => readValidPack(DESK_PACK)

it('training gives way to answers, and where there is nothing yet to answer with it does not', async () => {
  const gaveWay: boolean[] = []
  const overrides = {
    train: (work: Parameters<typeof trainInWorker>[0]) => {
      gaveWay.push(work.givesWay)
      return trainInWorker(work)
    },
  }
  const dataDir = join(tempFolder(), 'data')
  const pack = deskPack()
  const gateway = await startGateway({ dataDir, packs: [], overrides })
  // A library without packs is trained too.
  gaveWay.splice(0)
  await gateway.box.library.install(pack)
  expect(gaveWay).toEqual([false])
  await gateway.box.library.install({ ...pack, digest: 'of the next version' })
  expect(gaveWay).toEqual([false, true])
})

it('a box whose kept model this program cannot read learns its packs anew, once, says why, and answers', async () => {
  const dataDir = join(tempFolder(), 'data')
  const before = await startGateway({ dataDir })
  const { store } = before.box
  const spoil = store.prepare("UPDATE language_model SET model = CAST('of a year ago' AS BLOB)")
  await store.commit(() => spoil.run())
  await before.close()

  let trainings = 0
  const overrides = {
    train: (work: Parameters<typeof trainInWorker>[0]) => {
      trainings++
      return trainInWorker(work)
    },
  }
  for (let start = 1; start <= 2; start++) {
    const config = { log: { level: 'info' } }
    const after = await startGateway({ dataDir, packs: [], overrides, config })
    const lines = after.box.hooks.live?.recentLog() ?? []
    const said = lines.filter((line) => line.includes('"name":"knowledge"'))
    expect(said).toEqual(
      start > 1
        ? []
        : [
            expect.stringMatching(/model\.corrupt.*a kept model cannot be read/),
            expect.stringMatching(/"packs":\["desk 1\.0\.0"\].*they are learnt anew/),
          ],
    )
    const [question] = deskPack().tests
    const understood = after.box.library.engine.understand([
      { text: question?.text ?? '', confidence: 1 },
    ])
    expect(understood).toMatchObject({
      kind: 'intent',
      best: { ref: { intent: question?.intent } },
    })
    expect(trainings).toBe(1)
    await after.close()
  }
})

describe('a new version of a pack', () => {
  const asked = { text: '胸口痛', intent: 'emergency.chest-pain' }
  const hard = { text: '请问怎么去月球', intent: 'parking' }
  const version = (pack: Pack, digest: string, tests: Pack['tests']): Pack => ({
    ...pack,
    digest,
    tests: [...deskPack().tests, ...tests],
  })

  it('that no longer hears an emergency is refused with the words, whatever else it has learnt', async () => {
    const { library } = (await startGateway({ packs: [] })).box
    const first = version(deskPack(), 'of the first', [asked, hard])
    await library.install(first)
    const intents = first.intents.map(({ templates: _left, ...intent }) => {
      if (intent.intent === asked.intent) return { ...intent, questions: { zh: ['牙疼挂什么号'] } }
      if (intent.intent === hard.intent) return { ...intent, questions: { zh: [hard.text] } }
      return intent
    })
    const second = { ...version(first, 'of the second', [asked, hard]), intents }
    await expect(library.install(second)).rejects.toMatchObject({
      code: 'pack.risk-lower',
      message: expect.stringContaining(asked.text) as string,
    })
    const heard = library.engine.understand([{ text: asked.text, confidence: 1 }])
    expect(heard).toMatchObject({ kind: 'intent', best: { ref: { intent: asked.intent } } })
  })

  it('is measured by the questions that both versions are tested by', async () => {
    const { library } = (await startGateway({ packs: [] })).box
    const first = version(deskPack(), 'of the first', [])
    await library.install(first)
    const { tests } = await library.install(version(first, 'of the second', [hard]))
    expect(tests).toMatchObject({ total: first.tests.length + 1, right: first.tests.length })
  })
})

describe('a second pack', () => {
  const drowned = { text: '心口难受', intent: 'emergency.chest-pain' }
  const desk = (): Pack => ({ ...deskPack(), tests: [...deskPack().tests, drowned] })
  const shop = (questions: string[]): Pack => {
    const pack = deskPack()
    const [hours] = pack.intents
    if (!hours) throw new Error('the desk pack has intents')
    const answer = { zh: { text: '九点开门。' } }
    return {
      ...pack,
      manifest: { ...pack.manifest, pack: 'shop', minimumTestScore: 0 },
      intents: [{ ...hours, intent: 'hours.shop', questions: { zh: questions }, answer }],
      lists: new Map(),
      tests: [],
      digest: `of the shop ${questions.join()}`,
    }
  }
  const same = ['几点上班', '早上几点能看病', '商店几点开门', '店里几点打烊', '今天营业到几点']

  it('changes nothing of what the first one understands, and takes no question that both have word for word', async () => {
    const { library } = (await startGateway({ packs: [] })).box
    const first = desk()
    await library.install(first)
    const ask = (text: string, packs?: string[]) =>
      library.engine.understand([{ text, confidence: 1 }], packs ? { packs } : {})
    const before = first.tests.map(({ text }) => ask(text))
    await library.install(shop(same))
    expect(first.tests.map(({ text }) => ask(text, ['desk']))).toEqual(before)
    expect(ask('几点上班')).toMatchObject({ kind: 'intent', method: 'exact' })
    expect(ask(drowned.text)).toMatchObject({ best: { ref: { intent: drowned.intent } } })
  })

  it('that takes the words of an emergency for its own is refused with the words', async () => {
    const { library } = (await startGateway({ packs: [] })).box
    await library.install(desk())
    await expect(library.install(shop([...same, drowned.text]))).rejects.toMatchObject({
      code: 'pack.drowns-another',
      message: expect.stringContaining(drowned.text) as string,
    })
    expect(library.list().map(({ name }) => name)).toEqual(['desk'])
  })

  it('leaves the models of both for the next start, which learns nothing', async () => {
    const dataDir = join(tempFolder(), 'data')
    const gateway = await startGateway({ dataDir, packs: [] })
    await gateway.box.library.install(desk())
    await gateway.box.library.install(shop(same))
    await gateway.close()
    const train = () => Promise.reject(new Error('nothing is learnt'))
    const again = await startGateway({ dataDir, packs: [], overrides: { train } })
    const heard = again.box.library.engine.understand([{ text: drowned.text, confidence: 1 }])
    expect(heard).toMatchObject({ best: { ref: { pack: 'desk', intent: drowned.intent } } })
  })
})
