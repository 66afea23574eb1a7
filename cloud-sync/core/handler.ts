/**
 * One request at the core: who asks, by its head; then its body; then a place among those in hand. Whoever
 * sends slowly, or waits for an answerer, holds up none of those whose entries only have to be written.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../ports.ts'
import { MAX_BODY_BYTES } from '../protocol/limits.ts'
import { type Access, type Admitted, admit } from './admit.ts'
import {
  discardBody,
  type Outgoing,
  readBody,
  readHead,
  send,
  toOutgoing,
  withBody,
} from './http.ts'
import { createRoom } from './room.ts'
import type { Route } from './route.ts'

const MB = 1024 * 1024
/** Bodies in memory, whole or still arriving; a gateway has 8 connections with batches of 1 MB. */
const BODY_BYTES = { total: 256 * MB, ofOne: 32 * MB }
/** Requests that are unpacked (32 MB each at most) and written at once. */
const IN_HAND = { total: 64, ofOne: 32 }
/** Requests that wait for an answerer; a gateway has no more than 16 open, and some it gave up. */
const WAITING = { total: 128, ofOne: 32 }

/** `onRequest` of the server. What goes wrong becomes a problem; nothing is thrown. */
export function createHandler(
  routes: readonly Route[],
  access: Access,
  logger: Logger,
): (request: IncomingMessage, response: ServerResponse) => void {
  const bodies = createRoom(BODY_BYTES)
  const inHand = createRoom(IN_HAND)
  const waiting = createRoom(WAITING)

  async function outgoingOf(request: IncomingMessage): Promise<Outgoing> {
    const head = readHead(request)
    const admitted = admit(routes, head, access)
    const whose = nameOf(admitted)
    let bytes = 0
    try {
      const max = admitted.route.maxBodyBytes ?? MAX_BODY_BYTES
      const body = await readBody(request, max, (more) => {
        bodies.take(whose, more)
        bytes += more
      })
      admitted.checkBody(body)
      const places = admitted.route.isWaiting ? waiting : inHand
      places.take(whose, 1)
      try {
        return await admitted.route.handle({ ...admitted, incoming: withBody(head, body) })
      } finally {
        places.give(whose, 1)
      }
    } finally {
      bodies.give(whose, bytes)
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      send(response, await outgoingOf(request))
    } catch (error) {
      if (!request.complete && !request.destroyed) await discardBody(request)
      // A body that was not read to its end must not be taken for the next request.
      if (!request.complete) response.setHeader('connection', 'close')
      if (!response.destroyed) send(response, toOutgoing(error, request, logger))
    }
  }

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      logger.error({ error }, 'an answer could not be sent')
      response.destroy()
    })
  }
}

/** Strangers share the room of one. */
const nameOf = ({ route, gateway }: Admitted): string => gateway?.id ?? `(${route.caller})`
