/** A small strict reader for tests: well-formed XML 1.0, and only the SSML 1.1 elements and attributes we use. */

const CHILDREN: Readonly<Record<string, readonly string[]>> = {
  '#document': ['speak'],
  speak: ['prosody', 's', 'break'],
  prosody: ['s', 'break', '#text'],
  s: ['#text', 'break', 'say-as', 'sub', 'lang'],
  break: [],
  'say-as': ['#text'],
  sub: ['#text'],
  lang: ['#text'],
}
const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  speak: {
    version: /^1\.1$/,
    xmlns: /^http:\/\/www\.w3\.org\/2001\/10\/synthesis$/,
    'xml:lang': /^(zh-CN|en-US)$/,
  },
  prosody: { rate: /^\d+%$/, volume: /^[+-]\d+(\.\d+)?dB$/ },
  break: { time: /^\d+ms$/ },
  'say-as': { 'interpret-as': /^characters$/ },
  sub: { alias: /^.+$/s },
  lang: { 'xml:lang': /^(zh-CN|en-US)$/ },
  s: {},
}
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  speak: ['version', 'xmlns', 'xml:lang'],
  'say-as': ['interpret-as'],
  sub: ['alias'],
  lang: ['xml:lang'],
  break: ['time'],
}
const LEGAL_TEXT = /^(?:[\t\n\r -\ud7ff\ue000-\ufffd]|[\u{10000}-\u{10ffff}])*$/u
const TAG = /^<(\/?)([a-z-]+)((?:\s+[a-z:-]+="[^"<]*")*)\s*(\/?)>/
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

export interface Read {
  /** Text as an engine hears it, aliases in place of what they stand for. */
  readonly heard: string
  /** Text content as an engine without `sub` hears it. */
  readonly content: string
  readonly elements: readonly string[]
}

function readText(raw: string): string {
  if (!LEGAL_TEXT.test(raw)) throw new Error(`illegal character in ${JSON.stringify(raw)}`)
  if (/[<>"']/.test(raw)) throw new Error(`unescaped character in ${JSON.stringify(raw)}`)
  return raw.replace(/&([^;]*;?)/g, (whole, name: string) => {
    const value = name.endsWith(';') ? ENTITIES[name.slice(0, -1)] : undefined
    if (value === undefined) throw new Error(`bad entity ${whole}`)
    return value
  })
}

function readAttributes(element: string, raw: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [, name = '', value = ''] of raw.matchAll(/([a-z:-]+)="([^"<]*)"/g)) {
    if (found.has(name)) throw new Error(`attribute ${name} twice`)
    const rule = ATTRIBUTES[element]?.[name]
    const plain = name === 'xmlns' ? value : readText(value)
    if (rule === undefined || !rule.test(plain)) throw new Error(`${element} ${name}="${value}"`)
    found.set(name, plain)
  }
  for (const name of REQUIRED[element] ?? []) {
    if (!found.has(name)) throw new Error(`${element} needs ${name}`)
  }
  return found
}

/** Throws with the reason when the document is not well-formed or not valid. */
export function readSsml(ssml: string): Read {
  const open = ['#document']
  const elements: string[] = []
  let heard = ''
  let content = ''
  let rest = ssml
  while (rest !== '') {
    const parent = open.at(-1) ?? ''
    if (rest.startsWith('<')) {
      const match = TAG.exec(rest)
      if (match === null) throw new Error(`bad tag at ${rest.slice(0, 40)}`)
      const [all, isEnd, name = '', attributes = '', isEmpty] = match
      rest = rest.slice(all.length)
      if (isEnd) {
        if (open.pop() !== name) throw new Error(`</${name}> closes ${parent}`)
        continue
      }
      if (!CHILDREN[parent]?.includes(name)) throw new Error(`${name} inside ${parent}`)
      if (parent === '#document' && elements.length > 0) throw new Error('two roots')
      elements.push(name)
      const values = readAttributes(name, attributes)
      if (name === 'sub') heard += values.get('alias') ?? ''
      if (!isEmpty) open.push(name)
      continue
    }
    const cut = rest.indexOf('<')
    const text = readText(cut < 0 ? rest : rest.slice(0, cut))
    if (!CHILDREN[parent]?.includes('#text')) throw new Error(`text inside ${parent}: ${text}`)
    rest = cut < 0 ? '' : rest.slice(cut)
    content += text
    if (parent !== 'sub') heard += text
  }
  if (open.length !== 1) throw new Error(`${open.at(-1)} is not closed`)
  return { heard, content, elements }
}
