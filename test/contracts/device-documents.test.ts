import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import asyncApiSpecs from '@asyncapi/specs'
import { Answer, Ask, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { contractFiles } from '@kefu-edge/device-sdk/tools/make-contract'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Value } from '@sinclair/typebox/value'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '../../gateway/error-table.ts'

const FOLDER = resolve(import.meta.dirname, '../../device-sdk/contract')
const read = (path: string) => readFileSync(resolve(FOLDER, path), 'utf8')
const parsed = (path: string) => JSON.parse(read(path)) as Record<string, unknown>

describe('the contract documents', () => {
  test('are what the schemas make (if not: npm run contract -w device-sdk)', () => {
    for (const [path, text] of contractFiles()) expect(read(path), path).toBe(text)
    const schemas = readdirSync(resolve(FOLDER, 'schemas')).map((name) => `schemas/${name}`)
    expect(schemas.filter((path) => !contractFiles().has(path))).toEqual([])
  })

  test('hold an AsyncAPI document that is valid by the AsyncAPI 3.0 schema', () => {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
    const validate = ajv.compile(asyncApiSpecs.schemasWithoutId['3.0.0'] as object)
    validate(parsed('asyncapi.json'))
    expect(validate.errors ?? []).toEqual([])
  })

  test('hold an OpenAPI document that is valid by the OpenAPI 3.1 schema', async () => {
    const validator = new Validator()
    const result = await validator.validate(parsed('openapi.json'))
    expect(result.errors ?? []).toEqual([])
    expect(result.valid).toBe(true)
    expect(validator.version).toBe('3.1')
  })

  test('refer to nothing that is not there', () => {
    for (const path of ['asyncapi.json', 'openapi.json']) {
      const whole = parsed(path)
      const refs = [...read(path).matchAll(/"\$ref": "#\/([^"]+)"/g)].map((m) => m[1] ?? '')
      expect(refs.length).toBeGreaterThan(10)
      for (const ref of refs) {
        const found = ref
          .split('/')
          .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], whole)
        expect(found, `${path} ${ref}`).toBeDefined()
      }
    }
  })
})

test('the contract says of every refusal that a device can meet what it does then', () => {
  const contract = readFileSync(resolve(FOLDER, '../CONTRACT.md'), 'utf8')
  const rows = [...contract.matchAll(/^\| ([\d, x]+?) +\| (`.*?)\|/gm)]
  const isForDevices =
    /^(message|topic|auth|session|enroll|limit|http|answer|twin|permissions)\.|^device\.(exists|invalid)$|^(storage\.write-failed|ledger\.lane-full|internal)$/
  const missing = Object.entries(ERRORS).filter(([code, { status }]) => {
    const named = status >= 500 ? '5xx' : String(status)
    const row = rows.find(([, statuses = '']) => statuses.split(', ').includes(named))
    return isForDevices.test(code) && code !== 'auth.admin' && !row?.[2]?.includes(`\`${code}\``)
  })
  expect(missing.map(([code]) => code)).toEqual([])
})

describe('the JSON schemas', () => {
  const ajv = new Ajv2020({ strict: false })
  addFormats.default(ajv)
  for (const name of readdirSync(resolve(FOLDER, 'schemas')))
    ajv.addSchema(parsed(`schemas/${name}`))
  const judge = (name: string) => {
    const validate = ajv.getSchema(`${name}.json`)
    if (validate === undefined) throw new Error(`no schema ${name}`)
    return (value: unknown) => validate(value) === true
  }

  test('want one of text, alternatives and form in an ask', () => {
    const isAsk = judge('ask')
    expect(isAsk({ id: 'q', text: '挂号' })).toBe(true)
    expect(isAsk({ id: 'q', form: { name: 'f', values: { a: 1 } } })).toBe(true)
    expect(isAsk({ id: 'q' })).toBe(false)
  })

  test('judge an answer with its speech as the types do', () => {
    const isAnswer = judge('answer')
    const speech: Speech = {
      id: 's',
      text: '一楼',
      ssml: '<speak/>',
      lang: 'zh-CN',
      priority: 'normal',
      bargeIn: true,
      expiresAt: '2026-05-01T09:00:00Z',
    }
    const answer = { id: 'a', inReplyTo: 'q', session: 's', turn: 1, text: '一楼', latencyMs: 1 }
    const good = { ...answer, status: 'answered', speech }
    const bad = { ...good, speech: { ...speech, priority: 'loud' } }
    for (const [value, expected] of [
      [good, true],
      [bad, false],
    ] as const) {
      expect(isAnswer(value)).toBe(expected)
      expect(Value.Check(Answer, value)).toBe(expected)
    }
  })

  test('agree with the checks at the edge on whatever is thrown at them', () => {
    const pairs = [
      [judge('speech'), Speech],
      [judge('ask'), Ask],
    ] as const
    const field = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))
    const keys = fc.constantFrom('id', 'text', 'ssml', 'lang', 'priority', 'bargeIn', 'expiresAt')
    const value = fc.dictionary(keys, field)
    fc.assert(
      fc.property(value, (broken) => {
        const whole = { id: 'a', text: 'b', ...broken }
        for (const [isValid, schema] of pairs)
          expect(isValid(whole)).toBe(Value.Check(schema, whole))
      }),
    )
  })
})
