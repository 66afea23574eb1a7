/** A list of a pack: what is said must mean one value. */
import { isAskedByName } from '../language/bare-value.ts'
import { ENTITY_READERS } from '../language/entities/extract.ts'
import { clean } from '../language/normalise.ts'
import type { Fail } from './check-intent.ts'
import type { ListFile, PackIntent } from './pack-schema.ts'

interface Others {
  /** The lists so far. */
  readonly seen: Set<string>
  readonly intents: readonly PackIntent[]
}

/** Reports a name that two values share, a list that could never be read, and an `alone` that asks nothing. */
export function checkList(
  { list, values, alone }: ListFile,
  { seen, intents }: Others,
  fail: Fail,
): void {
  if (seen.has(list)) fail(['list'], `the list "${list}" stands twice`)
  seen.add(list)
  if (Object.hasOwn(ENTITY_READERS, list)) {
    fail(['list'], `"${list}" is a general entity; the list needs another name`)
  }
  if (
    alone !== undefined &&
    !intents.some((one) => one.intent === alone && isAskedByName(one, list))
  ) {
    fail(
      ['alone'],
      `"${alone}" is no intent with a required slot of this list and without an alert`,
    )
  }
  const owners = new Map<string, number>()
  values.forEach(({ value, synonyms = [], en = [] }, at) => {
    const claim = (name: string, ...path: readonly (string | number)[]) => {
      const key = clean(name)
      const owner = owners.get(key) ?? at
      owners.set(key, owner)
      if (owner === at) return
      fail(['values', at, ...path], `"${name}" also means "${values[owner]?.value}"`)
    }
    claim(value, 'value')
    synonyms.forEach((name, index) => {
      claim(name, 'synonyms', index)
    })
    en.forEach((name, index) => {
      claim(name, 'en', index)
    })
  })
}
