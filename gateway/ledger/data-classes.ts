/**
 * Which class of JR/T 0171-2020 a field of the sealed part belongs to, and how it is masked. C3 (what
 * authenticates a person) is never kept, not even sealed; C2 identifies him or his affairs; C1 is the
 * house's own. A field that is not listed counts as C2 and is masked as text.
 */
import { PERSON_ENDS, SECRET_NAME, SECRET_WORD } from './data/fields.ts'
import { maskName } from './mask-names.ts'
import { maskSecrets } from './mask-secrets.ts'
import { maskAddress, maskMiddle, maskText } from './masking.ts'
import type { DataClass, Json } from './port.ts'

type Masker = (text: string) => string

interface FieldRule {
  readonly dataClass: DataClass
  readonly mask: Masker
  /** What of a text may be kept at all, where not all of it. */
  readonly keep?: Masker
}

const asText: FieldRule = { dataClass: 'C2', mask: maskText }
/** Words of a person, with whatever he says in them. The house's own, as answers, are kept as they were given. */
const asSaid: FieldRule = { ...asText, keep: maskSecrets }
const asName: FieldRule = { dataClass: 'C2', mask: maskName }
const asAddress: FieldRule = { dataClass: 'C2', mask: maskAddress }
const asNumber: FieldRule = { dataClass: 'C2', mask: (text) => maskMiddle(text, 3, 4) }
const asShortNumber: FieldRule = { dataClass: 'C2', mask: (text) => maskMiddle(text, 0, 4) }
const ownWords: FieldRule = { dataClass: 'C1', mask: (text) => text }
const neverKept: FieldRule = { dataClass: 'C3', mask: () => '***' }

const RULES_BY_END: Readonly<Record<keyof typeof PERSON_ENDS, FieldRule>> = {
  name: asName,
  phone: asNumber,
  identity: asNumber,
  number: asShortNumber,
  address: asAddress,
}

/**
 * By field name, letters and digits only, lower case: `patientName`, `patient_name` and `patient-name` are
 * one. What authenticates a person is known by parts of the name (`data/fields.ts`).
 */
const FIELDS: Readonly<Record<string, FieldRule>> = {
  heard: asSaid,
  said: asSaid,
  comment: asSaid,
  values: asSaid,
  account: asShortNumber,
  insurancenumber: asShortNumber,
  medicalcard: asShortNumber,
  医保号: asShortNumber,
  医保卡号: asShortNumber,
  birthday: asShortNumber,
  status: ownWords,
  lang: ownWords,
  pack: ownWords,
  intent: ownWords,
  session: ownWords,
  id: ownWords,
  inreplyto: ownWords,
}

export function classOfField(field: string): DataClass {
  return ruleOf(field)?.dataClass ?? 'C2'
}

/**
 * The same value without what must never be kept (C3). Returns the value itself where there is nothing
 * to take out, as nearly always.
 */
export function withoutSecrets<T extends Json | undefined>(value: T): T {
  return keptOf(value)
}

/** `keep`: of the field around it, for texts within. */
function keptOf<T extends Json | undefined>(value: T, keep?: Masker): T {
  if (typeof value === 'string') return keep ? (keep(value) as T) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value as readonly Json[]
    const cleaned = items.map((item) => keptOf(item, keep))
    return (cleaned.some((item, i) => item !== items[i]) ? cleaned : value) as T
  }
  const map = value as { readonly [key: string]: Json | undefined }
  let copy: { [key: string]: Json | undefined } | undefined
  for (const key in map) {
    const member = map[key]
    const rule = ruleOf(key)
    // Yes and no are no secrets: `pass: true` of a self-test.
    const isSecret = rule?.dataClass === 'C3' && member != null && typeof member !== 'boolean'
    const cleaned = isSecret ? '***' : keptOf(member, rule?.keep ?? keep)
    if (cleaned === member) continue
    copy ??= { ...map }
    copy[key] = cleaned
  }
  return (copy ?? value) as T
}

/** Every text in the value masked by the rule of its field, at every depth. */
export function maskValue(value: Json | undefined, field?: string): Json | undefined {
  if (typeof value === 'string') {
    const rule = field === undefined ? asText : (ruleOf(field) ?? asText)
    return rule.mask(value)
  }
  if (typeof value === 'number') {
    const masked = maskValue(String(value), field)
    return masked === String(value) ? value : masked
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    return (value as readonly Json[]).map((item) => maskValue(item, field) ?? null)
  }
  return Object.fromEntries(
    Object.entries(value as { readonly [key: string]: Json | undefined }).map(([key, member]) => [
      key,
      maskValue(member, key),
    ]),
  )
}

const knownRules = new Map<string, FieldRule | null>()
/** Field names are few and come again: the normal form is computed once for each. */
function ruleOf(field: string): FieldRule | undefined {
  const known = knownRules.get(field)
  if (known !== undefined) return known ?? undefined
  const words = wordsOf(field)
  const name = words.join('')
  const isSecret = SECRET_NAME.test(name) || SECRET_WORD.test(` ${words.join(' ')} `)
  const listed = Object.hasOwn(FIELDS, name) ? FIELDS[name] : ruleByEnd(name)
  const rule = isSecret ? neverKept : listed
  if (knownRules.size < 1000) knownRules.set(field, rule ?? null)
  return rule
}

function ruleByEnd(name: string): FieldRule | undefined {
  const ends = Object.entries(PERSON_ENDS) as [keyof typeof PERSON_ENDS, RegExp][]
  const found = ends.find(([, end]) => end.test(name))
  return found && RULES_BY_END[found[0]]
}

/** Lower case, of half width: `payPIN`, `pay_pin` and `Pay-Pin` are `pay`, `pin`. */
const wordsOf = (field: string): readonly string[] =>
  field
    .normalize('NFKC')
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
