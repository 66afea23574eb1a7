/**
 * Closed sentences, matched exactly: `(a|b)` alternatives, `[a]` optional, `{slot}` a slot, `<rule>` an
 * expansion rule. The syntax follows the sentence templates of Home Assistant's hassil; white space means
 * nothing in Chinese, and between words in English.
 */
export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'slot'; readonly name: string }
  | { readonly kind: 'sequence'; readonly items: readonly TemplateNode[] }
  | { readonly kind: 'choice'; readonly options: readonly TemplateNode[] }

/** Rules may use rules; deeper than this they go in a circle. */
const MAX_RULE_DEPTH = 8

export class TemplateError extends Error {
  constructor(template: string, problem: string) {
    super(`Template "${template}": ${problem}`)
    this.name = 'TemplateError'
  }
}

/** Parses one template; `rules` are the expansion rules of its pack. Throws {@link TemplateError}. */
export function parseTemplate(
  template: string,
  rules: Readonly<Record<string, string>>,
  depth = 0,
): TemplateNode {
  let at = 0
  const fail = (problem: string): never => {
    throw new TemplateError(template, problem)
  }
  if (depth > MAX_RULE_DEPTH) fail('its rules use one another in a circle')

  const parseChoice = (closing: string): TemplateNode => {
    const options: TemplateNode[] = [parseSequence()]
    while (template[at] === '|') {
      at++
      options.push(parseSequence())
    }
    if (closing === '') {
      if (at < template.length) fail(`"${template[at]}" closes nothing`)
    } else if (template[at++] !== closing) fail(`"${closing}" is missing`)
    return options.length === 1 && options[0] ? options[0] : { kind: 'choice', options }
  }
  const parseSequence = (): TemplateNode => {
    const items: TemplateNode[] = []
    while (at < template.length && !'|)]'.includes(template[at] ?? '')) items.push(parseItem())
    return { kind: 'sequence', items }
  }
  const parseItem = (): TemplateNode => {
    const sign = template[at] ?? ''
    if (sign === '(') {
      at++
      return parseChoice(')')
    }
    if (sign === '[') {
      at++
      return { kind: 'choice', options: [parseChoice(']'), { kind: 'sequence', items: [] }] }
    }
    if (sign === '{') return { kind: 'slot', name: takeName('}') }
    if (sign === '<') {
      const name = takeName('>')
      const rule = rules[name] ?? fail(`there is no rule <${name}>`)
      return parseTemplate(rule, rules, depth + 1)
    }
    const start = at
    while (at < template.length && !'()[]{}<>|'.includes(template[at] ?? '')) at++
    if (at === start) fail(`"${template[at]}" is not expected here`)
    return { kind: 'text', text: template.slice(start, at) }
  }
  const takeName = (closing: string): string => {
    const end = template.indexOf(closing, at)
    if (end < 0) fail(`"${closing}" is missing`)
    const name = template.slice(at + 1, end).trim()
    at = end + 1
    return name
  }
  return parseChoice('')
}

/** The slots that a template names, in the order of the text. */
export function slotsOf(node: TemplateNode): string[] {
  switch (node.kind) {
    case 'text':
      return []
    case 'slot':
      return [node.name]
    case 'choice':
      return node.options.flatMap(slotsOf)
    case 'sequence':
      return node.items.flatMap(slotsOf)
  }
}

/**
 * Characters that a match can begin with; undefined when it may begin with a slot or be empty. Spares
 * trying most templates on most texts.
 */
export function firstCharacters(node: TemplateNode): ReadonlySet<string> | undefined {
  const found = firsts(node)
  return found.isOpen || found.isEmpty ? undefined : found.characters
}

interface Firsts {
  readonly characters: Set<string>
  readonly isOpen: boolean
  readonly isEmpty: boolean
}

function firsts(node: TemplateNode): Firsts {
  switch (node.kind) {
    case 'slot':
      return { characters: new Set(), isOpen: true, isEmpty: false }
    case 'text': {
      const [first] = node.text.replaceAll(' ', '')
      return { characters: new Set(first), isOpen: false, isEmpty: first === undefined }
    }
    case 'choice': {
      const options = node.options.map(firsts)
      return {
        characters: new Set(options.flatMap(({ characters }) => [...characters])),
        isOpen: options.some(({ isOpen }) => isOpen),
        isEmpty: options.some(({ isEmpty }) => isEmpty),
      }
    }
    case 'sequence': {
      const characters = new Set<string>()
      for (const item of node.items) {
        const next = firsts(item)
        for (const character of next.characters) characters.add(character)
        if (next.isOpen) return { characters, isOpen: true, isEmpty: false }
        if (!next.isEmpty) return { characters, isOpen: false, isEmpty: false }
      }
      return { characters, isOpen: false, isEmpty: true }
    }
  }
}

/** Where a slot's words may end when they start at `at`, with what they mean; longest first. */
export type SlotReader = (
  name: string,
  text: string,
  at: number,
) => readonly { readonly end: number; readonly value: unknown }[]

export interface TemplateMatch {
  readonly slots: Readonly<Record<string, unknown>>
}

/** Whether `text` is exactly what the template allows, and which slots it fills. */
export function matchTemplate(
  node: TemplateNode,
  text: string,
  readSlot: SlotReader,
): TemplateMatch | undefined {
  const slots: Record<string, unknown> = {}
  const matched = walk(
    node,
    text,
    0,
    readSlot,
    slots,
    (end) => skipSpace(text, end) === text.length,
  )
  return matched ? { slots } : undefined
}

/** Continuation passing: `then` says whether the rest of the template fits from there. */
function walk(
  node: TemplateNode,
  text: string,
  at: number,
  readSlot: SlotReader,
  slots: Record<string, unknown>,
  then: (end: number) => boolean,
): boolean {
  switch (node.kind) {
    case 'text':
      return walkText(node.text, text, at, then)
    case 'choice':
      return node.options.some((option) => walk(option, text, at, readSlot, slots, then))
    case 'sequence':
      return walkItems(node.items, 0, text, at, readSlot, slots, then)
    case 'slot':
      for (const { end, value } of readSlot(node.name, text, skipSpace(text, at))) {
        const before = slots[node.name]
        slots[node.name] = value
        if (then(end)) return true
        slots[node.name] = before
      }
      return false
  }
}

function walkItems(
  items: readonly TemplateNode[],
  i: number,
  text: string,
  at: number,
  readSlot: SlotReader,
  slots: Record<string, unknown>,
  then: (end: number) => boolean,
): boolean {
  const item = items[i]
  if (!item) return then(at)
  if (i === items.length - 1) return walk(item, text, at, readSlot, slots, then)
  return walk(item, text, at, readSlot, slots, (end) =>
    walkItems(items, i + 1, text, end, readSlot, slots, then),
  )
}

function skipSpace(text: string, at: number): number {
  let end = at
  while (text[end] === ' ') end++
  return end
}

function walkText(
  wanted: string,
  text: string,
  start: number,
  then: (end: number) => boolean,
): boolean {
  let at = start
  for (const character of wanted) {
    if (character === ' ') continue
    at = skipSpace(text, at)
    if (!text.startsWith(character, at)) return false
    at += character.length
  }
  return then(at)
}
