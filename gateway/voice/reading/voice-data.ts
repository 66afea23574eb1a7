/** The words, units and profiles of the voice, read once at start; the renderer itself does no I/O. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../../errors.ts'

const Words = Type.Array(Type.String({ minLength: 1 }))
const Symbols = Type.Record(Type.String(), Type.String())
/** Signs that are findings; alone in brackets they are, except where they name a key or a pole. */
const Finding = Type.Object({
  positive: Type.String(),
  negative: Type.String(),
  notAfter: Words,
  notBefore: Words,
  /** What is found to be there or not, and how much of it: 尿蛋白2+, Rh-. */
  tests: Words,
  /** One plus sign to four. */
  grades: Words,
  bloodType: Words,
  ions: Symbols,
})
export type FindingWords = Static<typeof Finding>
/** What tells figures with a slash between apart; lists are words before or behind them. */
const Slash = Type.Object({
  /** Chinese writes the month first; English either way, by country. */
  isMonthFirst: Type.Boolean(),
  sign: Type.String(),
  outOf: Type.String(),
  total: Type.String(),
  dayBefore: Words,
  /** A day only where the figures can hardly be a part. */
  dayPerhapsBefore: Words,
  dayAfter: Words,
  /** What parts are taken of: 片, tablet. */
  taken: Words,
  /** Places with two numbers, and no part: 颈5/6. */
  writtenBefore: Words,
  writtenAfter: Words,
  scoreBefore: Words,
  pageBefore: Words,
  pageUnits: Words,
  pressureBefore: Words,
})
export type SlashWords = Static<typeof Slash>
/** Abbreviations of prescriptions; `{n}` and `{unit}` of q8h and ×7d stand in the templates. */
const Shorthand = Type.Object({
  always: Symbols,
  /** Those with other meanings, read so behind a dose only. */
  afterDose: Symbols,
  written: Symbols,
  doseUnits: Words,
  every: Type.String(),
  course: Type.String(),
  courseUnits: Words,
  /** One and many. */
  units: Type.Record(Type.String(), Type.Tuple([Type.String(), Type.String()])),
})
export type ShorthandWords = Static<typeof Shorthand>
/** Words beside which Roman numerals count. */
const Roman = Type.Object({
  before: Words,
  after: Words,
  /** Before these V and X alone are letters; behind those I is. */
  letterBefore: Words,
  letterAfter: Words,
  or: Type.String(),
})
export type RomanWords = Static<typeof Roman>
/** Where a star is a key of a telephone. */
const Keys = Type.Object({ before: Words, after: Words, star: Type.String() })
export type KeyWords = Static<typeof Keys>
/** What stands behind a value in a report: H, L, arrows. */
const Flags = Type.Object({
  high: Type.String(),
  low: Type.String(),
  up: Type.String(),
  down: Type.String(),
  arrows: Type.String(),
  /** Values of these are never in liters: K 2.5 L is low. */
  analytes: Words,
})
export type FlagWords = Static<typeof Flags>
const KeyFacts = Type.Object({ phone: Type.String() })

const Unit = Type.Object({
  symbols: Words,
  zh: Type.String(),
  /** As denominator or numerator of a compound: kg is 公斤 alone, 千克 in mg/kg. */
  perZh: Type.Optional(Type.String()),
  /** Without a number before it. */
  bareZh: Type.Optional(Type.String()),
  en: Type.Tuple([Type.String(), Type.String()]),
  /** Amounts are counted per so many of it: 120mg/24h; 50mg/100mg are two strengths. */
  per: Type.Optional(Type.Boolean()),
})
export type Unit = Static<typeof Unit>
const Units = Type.Object({
  source: Type.String(),
  units: Type.Array(Unit),
  currencies: Type.Array(Unit),
})

const ReadingZh = Type.Object({
  source: Type.String(),
  liang: Words,
  notLiang: Words,
  codeUnits: Words,
  codeBefore: Words,
  phoneBefore: Words,
  phoneAfter: Words,
  phoneJoin: Words,
  ratioBefore: Words,
  ratioAfter: Words,
  hotlines: Words,
  hotlinePattern: Type.String(),
  bareHotlineNot: Words,
  rangeLeft: Type.String(),
  rangeRight: Words,
  half: Type.Object({ units: Words }),
  dayPart: Type.Object({ am: Type.String(), pm: Type.String() }),
  pressure: Type.Object({ high: Type.String(), low: Type.String() }),
  basement: Type.Object({ prefix: Type.String(), units: Words }),
  signed: Words,
  about: Type.String(),
  /** What a slash before does not mean per. */
  notPer: Words,
  /** Before the numbers of a door: A栋3-1201. */
  houses: Words,
  /** Behind a figure: 3×ULN. */
  fold: Type.String(),
  /** A minus that no figure follows. */
  less: Type.String(),
  slash: Slash,
  shorthand: Shorthand,
  roman: Roman,
  flags: Flags,
  keys: Keys,
  keyFacts: KeyFacts,
  finding: Finding,
  symbols: Symbols,
})
export type ReadingZh = Static<typeof ReadingZh>

const ReadingEn = Type.Object({
  source: Type.String(),
  codeBefore: Words,
  phoneBefore: Words,
  phoneVia: Words,
  emergency: Words,
  months: Words,
  monthShort: Words,
  yearBefore: Words,
  ratioBefore: Words,
  ratioAfter: Words,
  bloodPressure: Type.String(),
  weekdays: Words,
  /** Behind a slash: 150 mg/day. */
  perAfter: Words,
  /** What a figure below zero may be written right behind: BE-3.2. */
  signed: Words,
  slash: Slash,
  shorthand: Shorthand,
  roman: Roman,
  flags: Flags,
  keys: Keys,
  keyFacts: KeyFacts,
  finding: Finding,
  symbols: Symbols,
})
export type ReadingEn = Static<typeof ReadingEn>

const Latin = Type.Object({
  source: Type.String(),
  words: Type.Array(Type.Object({ text: Type.String({ minLength: 1 }), say: Type.String() })),
})
const Lexicon = Type.Object({
  source: Type.String(),
  words: Type.Array(Type.Tuple([Type.String({ minLength: 1 }), Type.String({ minLength: 2 })])),
})

export const PROFILE_NAMES = ['standard', 'elderly'] as const
export type ProfileName = (typeof PROFILE_NAMES)[number]
const Profile = Type.Object({
  rate: Type.Number({ minimum: 0.2, maximum: 3 }),
  volume: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
  sentenceBreakMs: Type.Integer({ minimum: 0, maximum: 5000 }),
  clauseBreakMs: Type.Integer({ minimum: 0, maximum: 5000 }),
  groupBreakMs: Type.Integer({ minimum: 0, maximum: 5000 }),
  /** Telephone numbers are said once more at the end. */
  repeatPhones: Type.Boolean(),
})
export type Profile = Static<typeof Profile>
const Seconds = Type.Integer({ minimum: 1 })
const Profiles = Type.Object({
  source: Type.String(),
  standard: Profile,
  elderly: Profile,
  /** How long a speech is worth saying, by priority. */
  timeToLiveSeconds: Type.Object({
    critical: Seconds,
    urgent: Seconds,
    normal: Seconds,
    background: Seconds,
  }),
})
export type Profiles = Static<typeof Profiles>

export interface VoiceData {
  readonly units: Static<typeof Units>
  readonly zh: ReadingZh
  readonly en: ReadingEn
  readonly latin: Static<typeof Latin>['words']
  /** Words with more than one reading: word, pinyin with tone numbers. */
  readonly lexicon: Static<typeof Lexicon>['words']
  readonly profiles: Profiles
}

/** Beside this file in the sources; the build leaves the data where it is. */
function shippedFolder(): string {
  const beside = fileURLToPath(new URL('../data/', import.meta.url))
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL('../../../voice/data/', import.meta.url))
}

/** Reads and checks the data folder. Throws `config.invalid` with file and field when a file is not as it must be. */
export function loadVoiceData(folder: string = shippedFolder()): VoiceData {
  return {
    units: read(folder, 'units.json', Units),
    zh: read(folder, 'reading-zh.json', ReadingZh),
    en: read(folder, 'reading-en.json', ReadingEn),
    latin: read(folder, 'latin.json', Latin).words,
    lexicon: read(folder, 'lexicon-zh.json', Lexicon).words,
    profiles: read(folder, 'profiles.json', Profiles),
  }
}

function read<S extends TSchema>(folder: string, name: string, schema: S): Static<S> {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'))
  } catch (cause) {
    throw new GatewayError('config.invalid', { cause, detail: `voice data ${name}` })
  }
  if (Value.Check(schema, value)) return value
  const first = Value.Errors(schema, value).First()
  throw new GatewayError('config.invalid', {
    detail: `voice data ${name} ${first?.path ?? ''}: ${first?.message ?? 'not valid'}`,
  })
}
