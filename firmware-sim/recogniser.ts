/** A speech recogniser without a microphone: mishears as a real one does, from a seed. */
import { readFileSync } from 'node:fs'
import type { Ask } from '@kefu-edge/device-sdk/protocol/schemas'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parse } from 'yaml'
import { packagePath } from './paths.ts'
import { pick, type Random } from './random.ts'

export type Alternatives = NonNullable<Ask['alternatives']>

/** As many as common recognisers give. */
const MAX_HYPOTHESES = 3
/** Confidence of a clear hypothesis, and how much less each further one has. */
const TOP_CONFIDENCE = 0.92
const STEP = 0.17

const HomophonesFile = Type.Object({
  source: Type.String(),
  groups: Type.Array(Type.Array(Type.String({ minLength: 1 }), { minItems: 2 })),
})

export type Homophones = readonly (readonly string[])[]

export const loadHomophones = (path = packagePath('data/homophones.yaml')): Homophones =>
  Value.Parse(HomophonesFile, parse(readFileSync(path, 'utf8'))).groups

/**
 * The n-best list for what was said. Clear speech is first in its list; unclear speech may be second
 * or third, behind words that sound alike.
 */
export function recognise(
  said: string,
  unclear: boolean,
  random: Random,
  homophones: Homophones,
): Alternatives {
  const texts = [said]
  const groups = homophones.filter((group) => group.some((word) => said.includes(word)))
  while (texts.length < MAX_HYPOTHESES && groups.length > 0) {
    const group = groups.splice(Math.floor(random() * groups.length), 1)[0] ?? []
    const word = group.find((candidate) => said.includes(candidate)) ?? ''
    const other = pick(
      random,
      group.filter((candidate) => candidate !== word),
    )
    const misheard = other === undefined ? said : said.replace(word, other)
    if (!texts.includes(misheard)) texts.push(misheard)
  }
  if (unclear && texts.length > 1) {
    const place = 1 + Math.floor(random() * (texts.length - 1))
    texts.splice(0, 1)
    texts.splice(place, 0, said)
  }
  return texts.map((text, rank) => ({
    text,
    confidence: Math.round((TOP_CONFIDENCE - rank * STEP - random() * 0.05) * 100) / 100,
  }))
}
