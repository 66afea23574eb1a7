/** What a turn means: its words by themselves, then after what was answered before; and why. */
import type { FollowUp } from './dialogue/follow-up.ts'
import type { Explanation, LanguageEngine, UnderstandOptions } from './language/port.ts'
import type { Hypothesis, IncomingAsk, Session, Turn, Understanding } from './turn.ts'

export interface UnderstandTurnParts {
  /** The engine of the packs that are active now. */
  readonly language: () => LanguageEngine
  /** What short words leave to be understood from the answers before. */
  readonly followUp: FollowUp
  readonly packsOf: (deviceKind: string) => readonly string[] | undefined
}

export interface UnderstandTurn {
  /** About a millisecond; never throws. */
  understand(turn: Turn): Understanding
  /** The same, with every step on the way to it. */
  explain(turn: Turn): Explanation
}

export function createUnderstandTurn(parts: UnderstandTurnParts): UnderstandTurn {
  const { language, followUp, packsOf } = parts

  function optionsOf({ session: { pending }, device, lang }: Turn): UnderstandOptions {
    const packs = packsOf(device.kind)
    return {
      ...(lang ? { lang } : {}),
      ...(packs ? { packs } : {}),
      ...(pending?.kind === 'slot'
        ? { expecting: { ref: pending.ref, slot: pending.slot, entity: pending.entity } }
        : {}),
    }
  }

  return {
    understand(turn) {
      const engine = language()
      return followUp(turn, engine.understand(turn.hypotheses, optionsOf(turn)), engine)
    },
    explain(turn) {
      const engine = language()
      const { understanding, steps } = engine.explain(turn.hypotheses, optionsOf(turn))
      const meant = followUp(turn, understanding, engine)
      if (meant === understanding) return { understanding, steps }
      const [after] = turn.session.recent ?? []
      const slots = Object.fromEntries(meant.slots.map(({ name, value }) => [name, value]))
      const detail = { after: after?.ref.intent, means: meant.candidates[0]?.ref.intent, slots }
      return { understanding: meant, steps: [...steps, { stage: 'follow-up', detail }] }
    },
  }
}

/** An ask as a turn of its session. */
export function toTurn(incoming: IncomingAsk, session: Session): Turn {
  const { ask, device, channel, receivedAtMs } = incoming
  const hypotheses: readonly Hypothesis[] = ask.alternatives ?? [
    { text: ask.text ?? '', confidence: 1 },
  ]
  const asked = ask.lang?.toLowerCase()
  const lang = asked?.startsWith('en') ? 'en' : asked?.startsWith('zh') ? 'zh' : session.lang
  const turn = { ask, device, channel, receivedAtMs, session, hypotheses }
  return lang ? { ...turn, lang } : turn
}
