/** Escalated asks over HTTP. */
import type { Logger } from '../ports.ts'
import { EscalatedAsk } from '../protocol/ask.ts'
import type { Answerer } from './answerer.ts'
import { json } from './http.ts'
import { parseBody, type Route } from './routes.ts'

export function askRoutes(answerer: Answerer, logger: Logger): readonly Route[] {
  return [
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/asks$/,
      caller: 'gateway',
      async handle({ incoming }) {
        const ask = parseBody(EscalatedAsk, incoming)
        try {
          return json(await answerer.answer(ask, AbortSignal.timeout(ask.deadlineMs)))
        } catch (error) {
          logger.warn({ error }, 'the answerer failed')
          return json({ status: 'not-known', validForMs: 0 })
        }
      },
    },
  ]
}
