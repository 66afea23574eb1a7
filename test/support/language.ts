/** An engine of one pack, learnt here and now. */
import type { Pack } from '../../gateway/knowledge/pack-schema.ts'
import { createLanguageModule, trainPack } from '../../gateway/language/engine.ts'
import type { LanguageEngine } from '../../gateway/language/port.ts'

/** Seconds of CPU for a shipped pack. `now`: what 明天 counts from; milliseconds since 1970. */
export function engineOf(pack: Pack, seed: number, now = (): number => 0): LanguageEngine {
  const language = createLanguageModule({ now })
  return language.join([language.load(pack, trainPack(pack, { seed }))])
}
