/** Languages that a pack promises and its intents do not speak. */
import { type Fail, isAskedIn } from './check-intent.ts'
import type { IntentsFile, Language } from './pack-schema.ts'

/**
 * Warns, once a file, of the intents that cannot be asked in one of the `languages` that the pack names: who
 * asks in it hears that the box does not know. One warning of all, as dozens would hide what else is told.
 */
export function checkLanguages(
  { intents }: IntentsFile,
  languages: readonly Language[],
  warn: Fail,
): void {
  for (const lang of languages) {
    const lacking = intents.filter((intent) => !isAskedIn(intent, lang))
    const [first] = lacking
    if (!first) continue
    const names = lacking.map(({ intent }) => intent).join(', ')
    warn(
      ['intents', intents.indexOf(first)],
      `cannot be asked in ${lang}, which pack.yaml names among the languages (${lacking.length} of ${intents.length}): ${names}`,
    )
  }
}
