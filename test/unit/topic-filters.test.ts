import { describe, expect, it } from 'vitest'
import { covers, overlap } from '../../gateway/topic-filters.ts'

describe('covers', () => {
  it.each([
    ['a/#', 'a', true],
    ['a/#', 'a/b/#', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/+', true],
    ['a/+', 'a/#', false],
    ['a/+', 'a', false],
    ['a/b', 'a/+', false],
    ['a/b', 'a/b/c', false],
    ['#', 'a/+/c', true],
    ['+/b', '/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
  ])('%s covers %s: %s', (filter, wanted, expected) => {
    expect(covers(filter, wanted)).toBe(expected)
  })
})

describe('overlap', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a', 'a/b', false],
    ['a/+', 'a/b', true],
    ['a/+', 'b/+', false],
    ['+/b', 'a/+', true],
    ['a/+/c', 'a/b', false],
    ['a/#', 'a', true],
    ['a/#', 'b/#', false],
    ['#', 'x/y/z', true],
    ['+/b/#', 'a/+/c', true],
    ['ward7/site/#', 'his/#', false],
    ['#', '$SYS/#', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/+', true],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(overlap(one, other)).toBe(expected)
    expect(overlap(other, one)).toBe(expected)
  })
})
