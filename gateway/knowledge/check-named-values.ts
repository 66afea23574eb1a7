/** Questions that say what their own slot does not hear. */
import { findListValues, type ListLexicon } from '../language/entities/lists.ts'
import { normalise } from '../language/normalise.ts'
import type { Fail } from './check-intent.ts'
import type { Language, Pack, PackIntent } from './pack-schema.ts'

const LANGUAGES: readonly Language[] = ['zh', 'en']

/**
 * Warns of each example question whose required slot stays empty though it names a value of another list:
 * the box would ask back for what has just been said, and not take the same word for an answer. The mend is
 * to give the name to the slot's own list too.
 */
export function checkNamedValues(
  intent: PackIntent,
  { pack, lexicon }: { readonly pack: Pack; readonly lexicon: ListLexicon },
  warn: Fail,
): void {
  const needed = (intent.slots ?? []).filter(
    ({ entity, required }) => required === true && pack.lists.has(entity),
  )
  for (const { name, entity } of needed) {
    const isHeard = (text: string): boolean => findListValues(lexicon, text, entity).length > 0
    for (const lang of LANGUAGES) {
      ;(intent.questions[lang] ?? []).forEach((question, at) => {
        const { text } = normalise(question)
        const other = findListValues(lexicon, text).find(({ exact }) => exact)
        if (!other || isHeard(text)) return
        const said = text.slice(other.start, other.end)
        warn(
          ['questions', lang, at],
          `"${said}" is a name of the list ${other.list} but none of ${entity}, so "${name}" is asked back`,
        )
      })
    }
  }
}
