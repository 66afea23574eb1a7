/** Words of the box's own phrases that are templates: what people answer to it, in either language. */
import { normalise } from '../language/normalise.ts'
import { matchTemplate, parseTemplate, type TemplateNode } from '../language/templates.ts'
import type { Phrases } from './phrases.ts'

/** As said, then without fillers, in common words: 那个 is one, and 后面那个 needs it. */
export type Forms = readonly string[]

/** The forms in which a text may fit a template. */
export function formsOf(text: string): Forms {
  const { plain, bare, text: common } = normalise(text)
  return [plain, bare, common]
}

/** Templates of a phrase in both languages: who is asked in Chinese may say "the second one". */
export const templatesOf = (phrases: Phrases, name: string): readonly TemplateNode[] =>
  (['zh', 'en'] as const).flatMap((lang) =>
    phrases.all(name, lang).map((template) => parseTemplate(template, {})),
  )

/** Whether one of the forms is all that the template says. */
export const fitsAny = (template: TemplateNode, forms: Forms): boolean =>
  forms.some((form) => matchTemplate(template, form, () => []) !== undefined)

/** Whether a text says that its speaker does not know what the box has asked. */
export function createUnsureReader(phrases: Phrases): (text: string) => boolean {
  const templates = templatesOf(phrases, 'slot-unsure-said')
  return (text) => {
    const forms = formsOf(text)
    return templates.some((one) => fitsAny(one, forms))
  }
}
