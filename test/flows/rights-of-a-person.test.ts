import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createDeviceClient } from '@kefu-edge/device-sdk/client/node'
import { describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'

const subject = { id: 'p-1', kind: 'patient' } as const

/** Every byte of the data folder, the write-ahead log included. */
const allBytes = (dataDir: string): Buffer =>
  Buffer.concat(
    readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
      .map((name) => join(dataDir, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path)),
  )

describe('a person', () => {
  it('stands nowhere in the data folder in clear, neither his number nor his words, and goes on talking after a restart', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const patient = { id: 'ZY-20261128-77310', kind: 'patient' } as const
    const first = await gateway.ask(token, { id: '1', text: '约瓦格纳大夫的号', subject: patient })
    const found = () =>
      [patient.id, '瓦格纳'].filter((words) => allBytes(gateway.dataDir).includes(words))
    expect(found()).toEqual([])
    await gateway.close()
    expect(found()).toEqual([])

    const again = await startGateway({ dataDir: gateway.dataDir })
    const next = await again.ask(token, { id: '2', text: '停车场在哪', subject: patient })
    expect(next.body.session).toBe(first.body.session)
    await runOperation('subject.erase', { ...patient, reason: 'asked' }, again.box.operations)
    const rows = again.box.store.prepare('SELECT count(*) AS n FROM session').get()
    expect(rows).toEqual({ n: 0 })
  })

  it('is shown what is kept, has it erased, and the record still proves itself', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const run = (
      name: 'subject.export' | 'subject.erase' | 'subject.hold' | 'subject.release',
      more = {},
    ) => runOperation(name, { ...subject, ...more }, gateway.box.operations)
    const first = await gateway.ask(token, { id: '1', text: '停车场在哪', subject })
    await gateway.ask(token, { id: '2', text: '门诊几点开门', subject: { ...subject, id: 'p-2' } })

    const kept = (await run('subject.export')) as { personal?: { heard: string[] } }[]
    expect(kept.map((entry) => entry.personal?.heard)).toEqual([['停车场在哪']])

    await run('subject.hold', { reason: 'court' })
    await expect(run('subject.erase', { reason: 'asked' })).rejects.toMatchObject({
      code: 'ledger.held',
    })
    await run('subject.release', { reason: 'over' })
    await run('subject.erase', { reason: 'asked' })

    expect(await run('subject.export')).toEqual([])
    const again = await gateway.ask(token, { id: '1', text: '停车场在哪', subject })
    expect(again).toMatchObject({ status: 410, body: { code: 'answer.erased' } })
    const next = await gateway.ask(token, {
      id: '3',
      text: '停车场在哪',
      session: first.body.session,
    })
    expect(next.body.session).not.toBe(first.body.session)
    const other = await gateway.ask(token, { id: '2', text: '门诊几点开门' })
    expect(other.body.status).toBe('answered')
  })

  it('who says his password or a code has it kept nowhere, and gets the same answer again', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const client = createDeviceClient({ deviceId: 'k1', token, url: gateway.mqttUrl })
    try {
      const ask = { id: 'q-1', text: '我的银行卡密码是668899，转人工', subject }
      const given = await client.ask(ask)
      const comment = '短信验证码 483920 没用'
      await client.sendFeedback({ inReplyTo: 'q-1', rating: 'down', comment })
      await client.flush()
      const personal = gateway.box.ledger.entriesFrom(0, 1000).map((entry) => entry.personal)
      const words = JSON.stringify(personal)
      expect(words).toContain('我的银行卡密码是***，转人工')
      expect(words).toContain('短信验证码 *** 没用')
      expect(words).not.toMatch(/668899|483920/)
      expect((await gateway.ask(token, ask)).body).toEqual(given)
    } finally {
      await client.close()
    }
  })

  it('is given back, and has erased, what he said of an answer and what he handed in', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const client = createDeviceClient({ deviceId: 'k1', token, url: gateway.mqttUrl })
    const run = (name: 'subject.export' | 'subject.erase', more = {}) =>
      runOperation(name, { ...subject, ...more }, gateway.box.operations)
    try {
      const first = await client.ask({ id: 'q-1', text: '停车场在哪', subject })
      await client.ask({ id: 'q-2', text: '门诊几点开门', subject: { ...subject, id: 'p-2' } })
      await client.sendFeedback({ inReplyTo: 'q-1', rating: 'down', comment: '瓦格纳大夫没有来' })
      await client.sendFeedback({ answer: first.id, rating: 'down', comment: '还是没有车位' })
      await client.sendFeedback({ inReplyTo: 'q-2', rating: 'up', comment: '谢谢' })
      const attachment = {
        id: 'att-1',
        contentType: 'application/pdf',
        bytes: 1000,
        sha256: 'a'.repeat(64),
        name: '瓦格纳_HIV报告.pdf',
      }
      await client.sendEvent({ kind: 'attachment', subject, attachment })
      await client.flush()

      const { name, sha256, ...plain } = attachment
      const kept = (await run('subject.export')) as { kind: string; personal: unknown }[]
      expect(kept.slice(1).map(({ kind, personal }) => [kind, personal])).toEqual([
        ['feedback', { comment: '瓦格纳大夫没有来' }],
        ['feedback', { comment: '还是没有车位' }],
        ['event.attachment', { attachment: { name, sha256 } }],
      ])
      expect(kept.at(-1)).toMatchObject({ body: { attachment: plain } })
      expect(allBytes(gateway.dataDir).includes('瓦格纳')).toBe(false)

      await run('subject.erase', { reason: 'p-1 李建国 13812345678 本人要求删除' })
      const entries = gateway.box.ledger.entriesFrom(0, 1000)
      const words = JSON.stringify(entries.map(({ personal }) => personal))
      expect(words).not.toMatch(/瓦格纳|车位/)
      expect(words).toContain('谢谢')
      expect(entries.find(({ kind }) => kind === 'subject.erased')?.body.reason).toBe(
        '*** 李** 138****5678 本人要求删除',
      )

      // What a device had kept back is not written down again for whom it was erased.
      const problems: string[] = []
      client.onProblem(({ code }) => problems.push(code))
      await client.sendFeedback({ inReplyTo: 'q-1', rating: 'down', comment: '瓦格纳大夫' })
      await client.flush()
      expect(problems).toEqual(['answer.erased'])
    } finally {
      await client.close()
    }
  })

  it('is shown, and has erased, the alarm that he raised and the scan of his wristband, which say nothing else', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const client = createDeviceClient({ deviceId: 'k1', token, url: gateway.mqttUrl })
    const run = (name: 'subject.export' | 'subject.erase', more = {}) =>
      runOperation(name, { ...subject, ...more }, gateway.box.operations)
    try {
      await client.sendEvent({ kind: 'alarm', name: 'sos', subject })
      await client.sendEvent({ kind: 'scan', name: 'wristband', subject })
      await client.flush()
      const kept = await run('subject.export')
      expect(kept).toMatchObject([
        { kind: 'event.alarm', subject, personal: {}, body: { name: 'sos' } },
        { kind: 'event.scan', subject, personal: {} },
      ])
      expect(await run('subject.erase', { reason: 'asked' })).toMatchObject({ keys: 1 })
      expect(JSON.stringify(gateway.box.ledger.entriesFrom(0, 1000))).not.toContain(subject.id)
    } finally {
      await client.close()
    }
  })
})

describe('the command', () => {
  it('erases only with a reason and --yes, and says what was erased', async () => {
    const gateway = await startGateway()
    announce(gateway)
    await gateway.ask(await gateway.addDevice('k1'), { id: '1', text: '停车场在哪', subject })
    const run = (verb: string, ...more: string[]) =>
      kefu('subject', verb, subject.id, '--kind', subject.kind, ...more, '--data', gateway.dataDir)
    expect((await run('erase', '--yes')).code).toBe(2)
    expect(await run('erase', '--reason', 'asked')).toMatchObject({
      code: 2,
      out: '',
      err: 'This cannot be undone. Say --yes to erase.\n',
    })
    const never = await run('release', '--reason', 'over')
    expect(never).toMatchObject({ code: 1, err: expect.stringContaining('(ledger.not-held)') })
    expect((await run('hold', '--reason', 'court')).out).toMatch(/^hold: [12] keys are held\n$/)
    expect((await run('erase', '--reason', 'asked', '--yes')).err).toContain('(ledger.held)')
    const released = JSON.parse((await run('release', '--reason', 'over', '--json')).out)
    expect(released).toMatchObject({ done: true })
    const kept = await run('export')
    expect([kept.err, JSON.parse(kept.out)]).toMatchObject(['1 entries\n', { kind: 'turn' }])
    expect(await run('erase', '--reason', 'asked', '--yes')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^erased: [12] keys destroyed, the record stays provable\n$/),
    })
    expect(await run('export')).toMatchObject({ code: 0, out: '', err: '0 entries\n' })
  })

  it('says of a hold for a number nobody has that it protects nothing yet, and lists it', async () => {
    const gateway = await startGateway()
    announce(gateway)
    const run = (...args: string[]) => kefu('subject', ...args, '--data', gateway.dataDir)
    expect((await run('holds')).out).toBe('no legal hold stands\n')
    const mistyped = await run('hold', 'p-l', '--kind', 'patient', '--reason', 'court 12')
    expect(mistyped.out).toContain('nothing is kept of this person yet')
    expect((await run('holds')).out).toMatch(/Z 0 keys: court 12\n$/)
  })

  it.each([
    [['erase']],
    [['export', 'P-1']],
    [['export', 'P-1', '--kind', 'robot']],
    [['sing']],
    [['erase', 'P-1', 'P-2', '--kind', 'patient', '--reason', 'asked', '--yes']],
  ])('used wrong: %j', async (args) => {
    const said = await kefu('subject', ...args)
    expect(said).toMatchObject({ code: 2, out: '' })
    expect(said.err).toContain('kefu-edge subject erase ID --kind KIND')
  })
})
