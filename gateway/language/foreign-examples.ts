/** Examples of what the installed packs do not answer. */
import type { Pack } from '../knowledge/pack-schema.ts'
import { OUT_OF_SCOPE_EXAMPLES } from './data/out-of-scope.ts'
import type { KnowledgeBase } from './knowledge-base.ts'
import { normalise } from './normalise.ts'
import { buildQuestionIndex, nearestCosine } from './question-index.ts'
import { prepareQuery } from './question-model.ts'

/** What one pack calls foreign may be another's own matter: so near to a question, it is not used. */
const OWN_FROM = 0.6

/** Small talk and general knowledge, and what each pack names itself, less what another pack answers. */
export function foreignExamples(packs: readonly Pack[], base: KnowledgeBase): string[] {
  const named = packs.flatMap(({ outOfScope }) => [
    ...(outOfScope?.zh ?? []),
    ...(outOfScope?.en ?? []),
  ])
  const texts = [...new Set([...OUT_OF_SCOPE_EXAMPLES, ...named])].filter(
    (text) => !base.exact.has(normalise(text).text),
  )
  if (packs.length < 2) return texts
  const prepare = (text: string) => prepareQuery(normalise(text), () => [])
  const index = buildQuestionIndex(base.questions.map(({ text }) => prepare(text)))
  return texts.filter((text) => nearestCosine(index, prepare(text)) < OWN_FROM)
}
