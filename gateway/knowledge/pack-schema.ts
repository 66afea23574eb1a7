/**
 * The pack format: knowledge of one trade as YAML that a nurse or clerk can edit.
 *
 * A pack is a folder:
 *   pack.yaml         manifest (PackManifest)
 *   facts.yaml        the site's own facts: hours, prices, phone numbers (FactsFile)
 *   intents/*.yaml    what people ask and what the box answers (IntentsFile)
 *   lists/*.yaml      closed lists: departments, doctors, counters … (ListFile)
 *   tests/*.yaml      questions kept back from training, run at each install (TestsFile)
 *
 * Answers may name facts and slots in braces: `{facts.phone}`, `{department}`, `{department.floor}`.
 */
import { type Static, Type } from '@sinclair/typebox'

const closed = { additionalProperties: false } as const

/** An identifier in dotted lower case, such as `registration.how`. */
const Identifier = Type.String({ pattern: '^[a-z][a-z0-9]*([._-][a-z0-9]+)*$', maxLength: 64 })
const Sentence = Type.String({ minLength: 1, maxLength: 200 })
const IsoDate = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })
export const Language = Type.Union([Type.Literal('zh'), Type.Literal('en')])
export type Language = Static<typeof Language>

const byLanguage = <T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Array>>(
  schema: T,
) => Type.Object({ zh: Type.Optional(schema), en: Type.Optional(schema) }, closed)

export const PackManifest = Type.Object(
  {
    pack: Identifier,
    version: Type.String({ pattern: '^\\d+\\.\\d+\\.\\d+$' }),
    title: byLanguage(Sentence),
    languages: Type.Array(Language, { minItems: 1, uniqueItems: true }),
    source: Type.String({ minLength: 1, maxLength: 400 }),
    /** Below `answer` the box asks back or forwards; below `clarify` it says that it does not know. */
    thresholds: Type.Optional(
      Type.Object(
        {
          answer: Type.Number({ minimum: 0, maximum: 1 }),
          clarify: Type.Number({ minimum: 0, maximum: 1 }),
        },
        closed,
      ),
    ),
    /** Share of the pack's own test questions that must be right for an install (0–1). */
    minimumTestScore: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  },
  closed,
)
export type PackManifest = Static<typeof PackManifest>

export const FactsFile = Type.Object(
  {
    source: Type.String({ minLength: 1, maxLength: 400 }),
    facts: Type.Record(
      Identifier,
      Type.Union([
        Type.String({ minLength: 1, maxLength: 400 }),
        Type.Number(),
        byLanguage(Type.String({ minLength: 1, maxLength: 400 })),
      ]),
    ),
  },
  closed,
)
export type FactsFile = Static<typeof FactsFile>

/** One way of saying an answer: what the screen shows and, where it differs, what is spoken. */
const AnswerText = Type.Object(
  {
    text: Type.String({ minLength: 1, maxLength: 600 }),
    /** Spoken variants; one is picked in turn so that a device does not repeat itself word for word. */
    speech: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 400 }), { minItems: 1, maxItems: 5 }),
    ),
  },
  closed,
)

/** What the box does itself, or calls somebody for; `skills/command.ts` does each of them. */
export const Command = Type.Union([
  Type.Literal('repeat'),
  Type.Literal('stop'),
  Type.Literal('louder'),
  Type.Literal('softer'),
  Type.Literal('slower'),
  Type.Literal('faster'),
  Type.Literal('chinese'),
  Type.Literal('english'),
  Type.Literal('call-nurse'),
  Type.Literal('handoff'),
])
export type Command = Static<typeof Command>

const Slot = Type.Object(
  {
    name: Identifier,
    /** A list of this pack, or a general entity of `language/entities/extract.ts`. */
    entity: Identifier,
    required: Type.Optional(Type.Boolean()),
    /** What the box asks when a required slot is missing. */
    ask: Type.Optional(byLanguage(Sentence)),
  },
  closed,
)

export const PackIntent = Type.Object(
  {
    intent: Identifier,
    title: byLanguage(Sentence),
    /** Which skill answers: `faq` (the text below), `lookup` (text with list attributes), `command` (something the device or staff does). */
    skill: Type.Optional(
      Type.Union([Type.Literal('faq'), Type.Literal('lookup'), Type.Literal('command')]),
    ),
    /** Together with `skill: command`, and only with it. */
    command: Type.Optional(Command),
    /** A wrong answer to a `high` intent costs more: its threshold is raised. */
    risk: Type.Optional(Type.Union([Type.Literal('normal'), Type.Literal('high')])),
    threshold: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    /**
     * Somebody is in danger now: staff are told, and asking back does more harm than a false alarm, so that
     * `risk: high` does not raise the threshold.
     */
    alert: Type.Optional(Type.Literal('emergency')),
    source: Type.String({ minLength: 1, maxLength: 400 }),
    valid: Type.Optional(
      Type.Object({ from: Type.Optional(IsoDate), until: Type.Optional(IsoDate) }, closed),
    ),
    questions: byLanguage(Type.Array(Sentence, { minItems: 1, maxItems: 200 })),
    /**
     * Closed sentences, matched exactly: `(a|b)` alternatives, `[a]` optional, `{slot}` a slot,
     * `<rule>` an expansion rule of this file. White space means nothing in Chinese.
     */
    templates: Type.Optional(byLanguage(Type.Array(Sentence, { minItems: 1, maxItems: 50 }))),
    slots: Type.Optional(Type.Array(Slot, { maxItems: 8 })),
    answer: Type.Object({ zh: Type.Optional(AnswerText), en: Type.Optional(AnswerText) }, closed),
    suggestions: Type.Optional(Type.Array(Identifier, { maxItems: 4 })),
  },
  closed,
)
export type PackIntent = Static<typeof PackIntent>

export const IntentsFile = Type.Object(
  {
    /** Expansion rules for templates: `<please>` → `(请|麻烦|帮我)`. */
    rules: Type.Optional(Type.Record(Identifier, Sentence)),
    intents: Type.Array(PackIntent, { minItems: 1, maxItems: 500 }),
    /** Sentences that sound like this topic but that the pack must not answer: examples of not knowing. */
    outOfScope: Type.Optional(byLanguage(Type.Array(Sentence, { minItems: 1, maxItems: 500 }))),
  },
  closed,
)
export type IntentsFile = Static<typeof IntentsFile>

export const ListFile = Type.Object(
  {
    list: Identifier,
    source: Type.String({ minLength: 1, maxLength: 400 }),
    /** The intent that a value said alone asks ("厕所"); absent: the box asks which one is meant. */
    alone: Type.Optional(Identifier),
    values: Type.Array(
      Type.Object(
        {
          value: Type.String({ minLength: 1, maxLength: 60 }),
          id: Type.Optional(Identifier),
          synonyms: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 60 }))),
          en: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 60 }))),
          attributes: Type.Optional(
            Type.Record(
              Identifier,
              Type.Union([Type.String(), Type.Number(), byLanguage(Type.String())]),
            ),
          ),
        },
        closed,
      ),
      { minItems: 1, maxItems: 5000 },
    ),
  },
  closed,
)
export type ListFile = Static<typeof ListFile>

export const TestsFile = Type.Object(
  {
    tests: Type.Array(
      Type.Object(
        {
          text: Sentence,
          /** The intent that must be found; absent: the box must say that it does not know. */
          intent: Type.Optional(Identifier),
          slots: Type.Optional(Type.Record(Identifier, Type.String())),
          lang: Type.Optional(Language),
        },
        closed,
      ),
      { minItems: 1 },
    ),
  },
  closed,
)
export type TestsFile = Static<typeof TestsFile>

/** A pack read whole and checked; what `knowledge` installs and `language` trains from. */
export interface Pack {
  readonly manifest: PackManifest
  readonly facts: FactsFile['facts']
  readonly intents: readonly PackIntent[]
  readonly rules: Readonly<Record<string, string>>
  /** Examples of what the pack must not answer, from all intents files. */
  readonly outOfScope?: { readonly zh?: readonly string[]; readonly en?: readonly string[] }
  readonly lists: ReadonlyMap<string, ListFile>
  readonly tests: TestsFile['tests']
  /** SHA-256 (hex) over all files in name order: the pack's identity. */
  readonly digest: string
}
