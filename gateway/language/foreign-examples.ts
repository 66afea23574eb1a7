/** Examples of what a pack does not answer. */
import type { Pack } from '../knowledge/pack-schema.ts'
import { OUT_OF_SCOPE_EXAMPLES } from './data/out-of-scope.ts'
import type { KnowledgeBase } from './knowledge-base.ts'
import { normalise } from './normalise.ts'

/** Small talk and general knowledge, and what the pack names itself, less what it answers word for word. */
export function foreignExamples({ outOfScope }: Pack, { exact }: KnowledgeBase): string[] {
  const named = [...(outOfScope?.zh ?? []), ...(outOfScope?.en ?? [])]
  return [...new Set([...OUT_OF_SCOPE_EXAMPLES, ...named])].filter(
    (text) => !exact.has(normalise(text).text),
  )
}
