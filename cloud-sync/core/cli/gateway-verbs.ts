/** What an operator decides of one gateway: whether it may come in. */
import { type CoreAccess, callCore } from './core-access.ts'

interface Call {
  readonly words: readonly string[]
  readonly values: { readonly reason?: string }
  readonly core: CoreAccess
  say(text: string, value: unknown): void
}

const SAID = {
  release: (id: string) =>
    `The key of ${id} is taken away. The box comes in again with a new one: remove keys/cloud.pem of its data folder and start it.`,
  block: (id: string) =>
    `Nothing of ${id} is taken any more, and it cannot enrol. Was the box stolen? Its configuration tells the enrolment token: remove enrol.token of the core's data folder and start the core anew; gateways that are enrolled go on.`,
  unblock: (id: string) => `${id} may come in again, with the key that it had.`,
}

const verb =
  (what: keyof typeof SAID) =>
  async ({ words: [id], core, say }: Call): Promise<void> => {
    if (id === undefined) throw new TypeError(`${what}: which gateway?`)
    await callCore(core, 'POST', `/v1/gateways/${encodeURIComponent(id)}/${what}`)
    say(SAID[what](id), { done: what, gateway: id })
  }

/** The operator has looked into what is wrong with the record, and says what it was. */
async function accept({ words: [id], values: { reason }, core, say }: Call): Promise<void> {
  if (id === undefined) throw new TypeError('accept: the record of which gateway?')
  if (!reason) throw new TypeError('accept: --reason TEXT says what it was')
  const path = `/v1/gateways/${encodeURIComponent(id)}/accept-record`
  const answer = await callCore(core, 'POST', path, { reason })
  const { accepted } = JSON.parse(answer.toString()) as { accepted: number }
  const text =
    accepted === 0
      ? `Nothing is wrong with the record of ${id}, as this core knows it, that was not accepted before.`
      : `What was wrong with the record of ${id} is accepted: ${reason}. The page of the core goes on showing it, with this reason. The core cosigns the record again, but never one that was cut or changed under the same epoch: there the box needs its own folder back, or a new epoch (kefu-edge restore).`
  say(text, { done: 'accept', gateway: id, accepted })
}

export const gatewayVerbs = {
  accept,
  release: verb('release'),
  block: verb('block'),
  unblock: verb('unblock'),
}
