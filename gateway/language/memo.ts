/**
 * Remembers what common questions were understood as: nine asks in ten come in the same words.
 *
 * An engine is immutable, so the same words with the same options are understood the same for as long
 * as it lives; only what counts from today ("tomorrow at three") is read anew each time.
 */
import type { Hypothesis, Understanding } from '../turn.ts'
import type { LanguageEngine, UnderstandOptions } from './port.ts'

/**
 * Twice so many at most, about 1 KB each: the questions of a large pack with their usual variants. What
 * was not asked again while so many new ones came is forgotten.
 */
const GENERATION = 4096
/** Longer texts are seldom said twice in the same words. */
const MAX_TEXT_CHARS = 60
/** Entities whose value depends on when it was said. */
const TIMED: ReadonlySet<string> = new Set(['date', 'time', 'duration', 'age'])

/** The engine with a memory for single hypotheses; everything else goes through. */
export function remembering(engine: LanguageEngine): LanguageEngine {
  let young = new Map<string, Understanding>()
  let old = new Map<string, Understanding>()

  function understand(
    hypotheses: readonly Hypothesis[],
    options: UnderstandOptions = {},
  ): Understanding {
    const only = hypotheses.length === 1 ? hypotheses[0] : undefined
    if (!only || only.text.length > MAX_TEXT_CHARS || options.expecting) {
      return engine.understand(hypotheses, options)
    }
    const key = `${options.lang ?? ''}\n${options.packs?.join() ?? ''}\n${only.confidence}\n${only.text}`
    const known = young.get(key)
    if (known) return known
    const asked = old.get(key)
    const understanding = asked ?? engine.understand(hypotheses, options)
    if (!understanding.slots.some((slot) => TIMED.has(slot.entity))) keep(key, understanding)
    return understanding
  }

  function keep(key: string, understanding: Understanding): void {
    if (young.size >= GENERATION) {
      old = young
      young = new Map()
    }
    young.set(key, understanding)
  }

  return { understand, explain: (hypotheses, options) => engine.explain(hypotheses, options) }
}
