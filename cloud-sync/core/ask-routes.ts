/** Escalated asks over HTTP. */
import type { Logger } from '../ports.ts'
import { EscalatedAsk } from '../protocol/ask.ts'
import type { Answerer } from './answerer.ts'
import { json } from './http.ts'
import { parseBody, type Route } from './route.ts'

export function askRoutes(answerer: Answerer, logger: Logger): readonly Route[] {
  return [
    {
      method: 'POST',
      path: /^\/v1\/gateways\/(?<id>[^/]+)\/asks$/,
      caller: 'gateway',
      isWaiting: true,
      async handle({ incoming }) {
        const ask = parseBody(EscalatedAsk, incoming)
        try {
          const deadline = AbortSignal.timeout(ask.deadlineMs)
          return json(await Promise.race([answerer.answer(ask, deadline), endOf(deadline)]))
        } catch (error) {
          logger.warn({ error }, 'the answerer failed')
          return json({ status: 'not-known', validForMs: 0 })
        }
      },
    },
  ]
}

/** An answerer that pays no heed to its signal keeps nobody waiting. */
const endOf = (deadline: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    deadline.addEventListener('abort', () => reject(deadline.reason), { once: true })
  })
