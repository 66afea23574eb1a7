import { seededRandom } from '@kefu-edge/firmware-sim/random'
import { loadHomophones, recognise } from '@kefu-edge/firmware-sim/recogniser'
import { expect, test } from 'vitest'

const homophones = loadHomophones()

test('the same seed mishears the same way', () => {
  const hear = () => recognise('骨科的报告在哪里取', true, seededRandom(9), homophones)
  expect(hear()).toEqual(hear())
})

test('what was said is always among the hypotheses: first when clear, later when unclear', () => {
  for (let seed = 0; seed < 50; seed++) {
    const said = '抽血要空腹吗'
    const clear = recognise(said, false, seededRandom(seed), homophones).map((a) => a.text)
    const unclear = recognise(said, true, seededRandom(seed), homophones).map((a) => a.text)
    expect(clear[0]).toBe(said)
    expect(unclear.slice(1)).toContain(said)
    expect(new Set(unclear).size).toBe(unclear.length)
  }
})

test('confidence falls from one hypothesis to the next and stays within 0 and 1', () => {
  for (let seed = 0; seed < 50; seed++) {
    const values = recognise('挂号缴费', false, seededRandom(seed), homophones).map(
      (a) => a.confidence,
    )
    expect([...values].sort((a, b) => b - a)).toEqual(values)
    expect(values.every((v) => v >= 0 && v <= 1)).toBe(true)
  }
})

test('words that sound like nothing else are heard as they are', () => {
  const heard = recognise('您好', true, seededRandom(1), homophones)
  expect(heard.map((a) => a.text)).toEqual(['您好'])
})
