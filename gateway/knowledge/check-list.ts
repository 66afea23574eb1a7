/** A list of a pack: what is said must mean one value. */
import { ENTITY_READERS } from '../language/entities/extract.ts'
import { clean } from '../language/normalise.ts'
import type { Fail } from './check-intent.ts'
import type { ListFile } from './pack-schema.ts'

/** Reports a name that two values share, and a list that could never be read. `seen`: the lists so far. */
export function checkList({ list, values }: ListFile, seen: Set<string>, fail: Fail): void {
  if (seen.has(list)) fail(['list'], `the list "${list}" stands twice`)
  seen.add(list)
  if (Object.hasOwn(ENTITY_READERS, list)) {
    fail(['list'], `"${list}" is a general entity; the list needs another name`)
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
