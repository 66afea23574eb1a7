/** Takes what the box does not know to the cloud core, masked, and brings its answer back as a reply. */
import type { Escalator } from '@kefu-edge/cloud-sync/escalate'
import { maskText } from '../ledger/masking.ts'
import type { Escalate } from '../skills/skills.ts'

/** Identity numbers, phones and cards stay on site: the core gets the question without them. */
export function createEscalation(parts: {
  readonly escalator: Escalator
  readonly deadlineMs: number
}): Escalate {
  return async (turn, understanding) => {
    const text = turn.hypotheses[0]?.text ?? ''
    if (text === '') return undefined
    const { lang, candidates } = understanding
    const answer = await parts.escalator.ask(
      {
        id: turn.ask.id,
        text: maskText(text),
        lang,
        candidates: candidates.map(({ ref, confidence }) => ({
          pack: ref.pack,
          intent: ref.intent,
          confidence,
        })),
      },
      parts.deadlineMs,
    )
    if (answer.kind !== 'answer' || answer.status !== 'answered') return undefined
    const { source, speech, confidence } = answer
    return {
      text: answer.text,
      lang,
      confidence,
      ref: { pack: source.name, version: source.version, intent: source.entry },
      ...(speech === undefined ? {} : { speech }),
    }
  }
}
