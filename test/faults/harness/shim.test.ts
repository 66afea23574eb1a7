import { expect, it } from 'vitest'
import { expectSame } from './shim.ts'

const PAGE = 4096
const files = (content: Buffer, name = 'kefu.db-wal') => new Map([[name, content]])
const model = Buffer.alloc(5 * PAGE, 1)

it('takes one write that a kill met between the file and the journal, at the end or within', () => {
  const torn = Buffer.concat([model, Buffer.alloc(3336, 2)])
  expect(() => expectSame(files(model), files(torn))).not.toThrow()
  const within = Buffer.from(model)
  within.fill(2, PAGE, 2 * PAGE)
  expect(() => expectSame(files(model), files(within))).not.toThrow()
})

it.each([
  [
    'two writes apart',
    Buffer.from(model)
      .fill(2, 0, 10)
      .fill(2, 3 * PAGE, 3 * PAGE + 10),
  ],
  ['more than one write at the end', Buffer.concat([model, Buffer.alloc(PAGE + 1)])],
  ['a write that is only in the journal', model.subarray(0, PAGE)],
])('does not take %s', (_what, real) => {
  expect(() => expectSame(files(model), files(real))).toThrow(/does not explain kefu.db-wal/)
})

it('does not take two files that differ, nor one that is missing', () => {
  const real = new Map([...files(Buffer.alloc(10, 2)), ...files(Buffer.alloc(10, 2), 'kefu.db')])
  const both = new Map([...files(Buffer.alloc(10)), ...files(Buffer.alloc(10), 'kefu.db')])
  expect(() => expectSame(both, real)).toThrow()
  expect(() => expectSame(files(model), new Map())).toThrow()
})
