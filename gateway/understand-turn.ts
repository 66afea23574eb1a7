/** What a turn means: its words by themselves, then after what was asked back or answered before; and why. */
import type { FollowUp } from './dialogue/follow-up.ts'
import type { ContinuePending } from './dialogue/pending.ts'
import type { Library } from './knowledge/library.ts'
import type { Explanation, UnderstandOptions } from './language/port.ts'
import type { Hypothesis, IncomingAsk, Session, Turn, Understanding } from './turn.ts'

export interface UnderstandTurnParts {
  /** The engine of the packs that are active now. */
  readonly library: Pick<Library, 'engine'>
  /** What answers the value that the box has asked for. */
  readonly continuePending: ContinuePending
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
  const { library, continuePending, followUp, packsOf } = parts

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

  /** The answer to the value that the box asked for, else what the words leave to the last answers. */
  const inItsPlace = (turn: Turn, heard: Understanding): Understanding =>
    turn.session.pending?.kind === 'slot'
      ? continuePending(turn, heard)
      : followUp(turn, heard, library.engine)

  return {
    understand(turn) {
      return inItsPlace(turn, library.engine.understand(turn.hypotheses, optionsOf(turn)))
    },
    explain(turn) {
      const { understanding, steps } = library.engine.explain(turn.hypotheses, optionsOf(turn))
      const meant = inItsPlace(turn, understanding)
      if (meant === understanding) return { understanding, steps }
      return { understanding: meant, steps: [...steps, stepTo(meant, turn)] }
    },
  }
}

/** What the session made of the words: after which entry they mean what, with which values. */
function stepTo(meant: Understanding, { session }: Turn): Explanation['steps'][number] {
  const { pending, recent = [] } = session
  const [stage, after] =
    pending?.kind === 'slot'
      ? (['pending', pending.ref] as const)
      : (['follow-up', recent[0]?.ref] as const)
  const means = meant.kind === 'intent' ? meant.best.ref.intent : undefined
  const slots = Object.fromEntries(meant.slots.map(({ name, value }) => [name, value]))
  return { stage, detail: { after: after?.intent, means, slots } }
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
