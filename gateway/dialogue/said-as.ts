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

/** Names of the phrases by which "A or B?" is answered, in the order of what was offered, then the rest. */
export const CHOICE_ANSWERS = [
  'choice-first',
  'choice-second',
  'choice-neither',
  'choice-unclear',
] as const
export type ChoiceSaid = (typeof CHOICE_ANSWERS)[number]

/** By which of these phrases words answer "A or B?"; undefined where they say something else. */
export function createChoiceWords(phrases: Phrases): (forms: Forms) => ChoiceSaid | undefined {
  const words = CHOICE_ANSWERS.map((name) => ({ name, templates: templatesOf(phrases, name) }))
  return (forms) =>
    words.find(({ name, templates }) => {
      // "Yes" is one only as it was said: 好的，谢谢你 takes leave.
      const counted = name === 'choice-unclear' ? forms.slice(0, 1) : forms
      return templates.some((one) => fitsAny(one, counted))
    })?.name
}

/** Whether a text says that its speaker does not know what the box has asked. */
export function createUnsureReader(phrases: Phrases): (text: string) => boolean {
  const templates = templatesOf(phrases, 'slot-unsure-said')
  return (text) => {
    const forms = formsOf(text)
    return templates.some((one) => fitsAny(one, forms))
  }
}
