/** Titles are offered as suggestions and asked as they stand: each has to lead to its own entry. */
import { buildKnowledgeBase, type KnowledgeBase } from '../language/knowledge-base.ts'
import { type NormalText, normalise } from '../language/normalise.ts'
import { slotReader } from '../language/slots.ts'
import { matchTemplate } from '../language/templates.ts'
import type { Fail } from './check-intent.ts'
import type { Language, Pack } from './pack-schema.ts'

const LANGUAGES: readonly Language[] = ['zh', 'en']

/**
 * Reports titles that are also a title or a question of another intent, or that another's template hears
 * first, as an emergency's may. `failsOf`: where each intent stands. For a pack whose templates can be read.
 */
export function checkTitles(pack: Pack, failsOf: ReadonlyMap<string, Fail>): void {
  const base = buildKnowledgeBase(pack)
  base.intents.forEach(({ intent: { intent: name, title } }, number) => {
    for (const lang of LANGUAGES) {
      const text = title[lang]
      if (text === undefined) continue
      const normal = normalise(text)
      const [other] = [
        ...(base.titles.get(normal.text) ?? []),
        ...(base.exact.get(normal.text) ?? []),
        ...templatesThatFit(base, normal),
      ].filter((one) => one !== number)
      const known = base.intents[other ?? -1]
      if (!known) continue
      const message = `the title "${text}", said as it stands, asks ${known.intent.intent}; give it other words`
      failsOf.get(name)?.(['title', lang], message)
    }
  })
}

/** Intents with a template that the text fits. */
function templatesThatFit(base: KnowledgeBase, { lang, plain, bare, text }: NormalText): number[] {
  const parts = { base, now: () => 0 }
  return [...new Set([plain, bare, text])].flatMap((form) =>
    base
      .templatesFor(form)
      .filter((one) => one.lang === lang)
      .filter(({ node, intent }) => matchTemplate(node, form, slotReader(parts, intent)))
      .map(({ intent }) => intent),
  )
}
