import { expect, it } from 'vitest'
import { kefu } from '../../support/command.ts'

it.each([
  ['toString', 'there is no command "toString"'],
  ['status', '--data needs a path behind it', '--data='],
  ['ledger', '--config needs a path behind it', '--config', ''],
  ['subject', "Unknown option '--nonsense'", '--nonsense'],
  ['pack', "Option '--data <value>' argument missing", 'list', '--data'],
])('%s is used wrong: %s', async (name, problem, ...args) => {
  const said = await kefu(name, ...args)
  expect(said).toMatchObject({ code: 2, out: '' })
  expect(said.err).toContain(`kefu-edge: ${problem}`)
  expect(said.err).toContain(`kefu-edge${name === 'subject' ? ' subject export' : ''}`)
})

it.each([
  ['status', 'kefu-edge: the edge gateway'],
  ['language', 'kefu-edge language: train and judge'],
  ['ledger', 'kefu-edge ledger verify'],
  ['subject', 'kefu-edge subject export'],
])('%s --help says its own use', async (name, use) => {
  for (const ask of ['--help', '-h']) {
    const said = await kefu(name, ask)
    expect(said).toMatchObject({ code: 0, err: '' })
    expect(said.out.startsWith(use)).toBe(true)
  }
})
