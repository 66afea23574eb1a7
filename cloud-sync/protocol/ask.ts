/** Asks that the box does not know, on their way to the core, and what comes back. */
import { type Static, Type } from '@sinclair/typebox'

/** `POST /v1/gateways/{id}/asks`. The gateway masks personal data before it sends. */
export const EscalatedAsk = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 64 }),
  text: Type.String({ minLength: 1, maxLength: 1000 }),
  lang: Type.String({ minLength: 2, maxLength: 35 }),
  /** What the box held possible, best first. */
  candidates: Type.Optional(
    Type.Array(
      Type.Object({
        pack: Type.String({ maxLength: 64 }),
        intent: Type.String({ maxLength: 64 }),
        confidence: Type.Number({ minimum: 0, maximum: 1 }),
      }),
      { maxItems: 5 },
    ),
  ),
  /** After this nobody waits any more. */
  deadlineMs: Type.Integer({ minimum: 1, maximum: 60_000 }),
})
export type EscalatedAsk = Static<typeof EscalatedAsk>

/** How long the same words get the same answer without asking again; 0 is not at all. */
const validForMs = Type.Integer({ minimum: 0, maximum: 86_400_000 })

export const EscalatedAnswer = Type.Union([
  Type.Object({
    status: Type.Literal('answered'),
    text: Type.String({ minLength: 1, maxLength: 4000 }),
    speech: Type.Optional(Type.String({ maxLength: 4000 })),
    confidence: Type.Number({ minimum: 0, maximum: 1 }),
    /** What it is answered from: cited like a pack's entry. */
    source: Type.Object({
      name: Type.String({ maxLength: 64 }),
      version: Type.String({ maxLength: 64 }),
      entry: Type.String({ maxLength: 64 }),
    }),
    validForMs,
  }),
  Type.Object({ status: Type.Literal('not-known'), validForMs }),
])
export type EscalatedAnswer = Static<typeof EscalatedAnswer>
