/**
 * Devices that ask without a pause over HTTP keep-alive and MQTT, and remember every acknowledgement.
 * What has no answer is asked again under the same id, as a device does, or given up: then it may be in
 * the record or not, but never twice.
 */
import { Agent, type IncomingMessage, request } from 'node:http'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Random } from '../seeded-random.ts'
import { pause } from './program.ts'
import type { Device, Ports, Site } from './site.ts'

/** What a device was promised: an ask with its answer, or that a message is kept. */
export interface Acknowledged {
  readonly device: Device
  readonly id: string
  readonly kind: 'ask' | 'event'
  readonly body: object
  /** Absent where only PUBACK came. */
  answer?: unknown
}

export interface Load {
  readonly acknowledged: ReadonlyMap<string, Acknowledged>
  /** Refusals with a reason: a problem, an MQTT reason code. */
  refused(): number
  /** The same by code of the problem, or `mqtt-N`. */
  refusals(): Readonly<Record<string, number>>
  /** Attempts that ended without any word: the outcome is not known. */
  unanswered(): number
  /** An answer to an id that differs from an earlier answer to it. */
  changed(): number
  /** The box lost these with the disk that a backup replaced: nothing is promised of them any more. */
  forgive(keys: readonly string[]): void
  stop(): Promise<void>
}

const QUESTIONS = [
  '门诊几点开门',
  '停车场在哪',
  '心内科在几楼',
  '骨科怎么走',
  '叫护士',
  '量子力学是什么',
  'where can I park',
  '再说一遍',
]
/** A device gives an attempt up after this and tries again. */
const ATTEMPT_TIMEOUT_MS = 2000
/** Between two asks of one device: keeps a round's record at some hundred entries. */
const THINK_MS = 15
const RETRY_MS = 30

/** Every second device speaks HTTP, the others MQTT. */
export function startLoad(site: Site, random: Random, prefix: string): Load {
  const acknowledged = new Map<string, Acknowledged>()
  const refusals: Record<string, number> = {}
  const state = { isRunning: true, refused: 0, unanswered: 0, changed: 0 }

  const seats = site.devices.map((device, n) => {
    const link = n % 2 === 0 ? httpLink(site, device) : mqttLink(site, device)
    return runDevice(device, link).finally(() => link.close())
  })

  async function runDevice(device: Device, link: DeviceLink): Promise<void> {
    for (let n = 0; state.isRunning; n++) {
      const isEvent = link.takesEvents && n % 5 === 4
      const id = `${prefix}-${device.id}-${n}`
      const body = isEvent ? eventOf(id, random) : askOf(id, device, random)
      await deliver({ device, id, kind: isEvent ? 'event' : 'ask', body }, link)
      await pause(THINK_MS * random() * 2)
    }
  }

  /** An event has no idempotency key, so it is sent once; an ask until it is answered or given up. */
  async function deliver(message: Acknowledged, link: DeviceLink): Promise<void> {
    while (state.isRunning) {
      const outcome = await link.send(message, () => keep(message))
      if (outcome.kind === 'kept') {
        if (outcome.answer !== undefined) keep(message, outcome.answer)
        return
      }
      if (outcome.kind === 'refused') {
        state.refused += 1
        refusals[outcome.code] = (refusals[outcome.code] ?? 0) + 1
      } else state.unanswered += 1
      if (message.kind === 'event' || random() < 0.2) return
      await pause(RETRY_MS)
    }
  }

  function keep(message: Acknowledged, answer?: unknown): void {
    const key = `${message.device.id} ${message.id}`
    const known = acknowledged.get(key)
    if (!known) acknowledged.set(key, { ...message, ...(answer === undefined ? {} : { answer }) })
    else if (known.answer === undefined) known.answer = answer
    else if (JSON.stringify(known.answer) !== JSON.stringify(answer)) state.changed += 1
  }

  return {
    acknowledged,
    refused: () => state.refused,
    refusals: () => refusals,
    unanswered: () => state.unanswered,
    changed: () => state.changed,
    forgive: (keys) => {
      for (const key of keys) acknowledged.delete(key)
    },
    stop: async () => {
      state.isRunning = false
      await Promise.all(seats)
    },
  }
}

function askOf(id: string, device: Device, random: Random): object {
  const text = QUESTIONS[Math.floor(random() * QUESTIONS.length)]
  const isKnownPerson = random() < 0.5
  return {
    id,
    text,
    ...(isKnownPerson ? { subject: { id: `P-${device.id}`, kind: 'patient' } } : {}),
  }
}

const eventOf = (id: string, random: Random): object =>
  random() < 0.5
    ? { id, kind: 'button', name: 'call' }
    : { id, kind: 'sensor', name: 'room', values: { degrees: Math.round(random() * 300) / 10 } }

type Outcome =
  | { readonly kind: 'kept'; readonly answer?: unknown }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'unanswered' }

interface DeviceLink {
  readonly takesEvents: boolean
  /** `onKept` where an acknowledgement comes before the answer. */
  send(message: Acknowledged, onKept: () => void): Promise<Outcome>
  close(): void
}

const UNANSWERED: Outcome = { kind: 'unanswered' }

function httpLink(site: Site, device: Device): DeviceLink {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    takesEvents: false,
    send: ({ body }) => askOverHttp(site.ports(), device, body, agent),
    close: () => agent.destroy(),
  }
}

/** One `POST /v1/ask`. Never rejects: what a network or a dying gateway does is an outcome. */
export function askOverHttp(
  ports: Ports | undefined,
  device: Device,
  body: object,
  agent: Agent,
): Promise<Outcome> {
  if (!ports) return Promise.resolve(UNANSWERED)
  return new Promise((resolve) => {
    const post = request(
      {
        port: ports.http,
        host: '127.0.0.1',
        path: '/v1/ask',
        method: 'POST',
        agent,
        timeout: ATTEMPT_TIMEOUT_MS,
        headers: { authorization: `Bearer ${device.token}`, 'content-type': 'application/json' },
      },
      (response) => void readAnswer(response).then(resolve),
    )
    post.on('timeout', () => post.destroy())
    post.on('error', () => resolve(UNANSWERED))
    post.end(JSON.stringify(body))
  })
}

async function readAnswer(response: IncomingMessage): Promise<Outcome> {
  try {
    let text = ''
    for await (const piece of response) text += String(piece)
    const body = JSON.parse(text) as { code?: unknown }
    if (response.statusCode === 200) return { kind: 'kept', answer: body }
    return { kind: 'refused', code: String(body.code) }
  } catch {
    return UNANSWERED
  }
}

/** MQTT 5: PUBACK carries a reason, so an acknowledgement is one. */
function mqttLink(site: Site, device: Device): DeviceLink {
  let client: MqttClient | undefined
  let dialled: Ports | undefined
  let ended: Promise<'late'> | undefined
  const waiting = new Map<string, (outcome: Outcome) => void>()

  async function connected(): Promise<MqttClient | undefined> {
    const ports = site.ports()
    if (client?.connected && ports === dialled) return client
    drop()
    if (!ports) return undefined
    dialled = ports
    try {
      const next = await connectAsync(
        `mqtt://127.0.0.1:${ports.mqtt}`,
        {
          clientId: device.id,
          username: device.id,
          password: device.token,
          protocolVersion: 5,
          reconnectPeriod: 0,
          connectTimeout: ATTEMPT_TIMEOUT_MS,
        },
        false,
      )
      next.on('error', () => {})
      ended = new Promise((resolve) => next.once('close', () => resolve('late')))
      next.on('message', (topic, payload) => heard(topic, payload))
      client = next
      await next.subscribeAsync([`kefu/v1/${device.id}/answer`, `kefu/v1/${device.id}/problem`], {
        qos: 1,
      })
      return next
    } catch {
      drop()
      return undefined
    }
  }

  function heard(topic: string, payload: Buffer): void {
    const message = JSON.parse(payload.toString()) as { inReplyTo?: string; code?: unknown }
    const tell = waiting.get(message.inReplyTo ?? '')
    if (topic.endsWith('/answer')) tell?.({ kind: 'kept', answer: message })
    else tell?.({ kind: 'refused', code: String(message.code) })
  }

  function drop(): void {
    client?.end(true)
    client = undefined
  }

  return {
    takesEvents: true,
    close: drop,
    async send({ id, kind, body }, onKept) {
      const to = await connected()
      if (!to) return UNANSWERED
      const answered = new Promise<Outcome>((resolve) => waiting.set(id, resolve))
      try {
        const topic = `kefu/v1/${device.id}/${kind}`
        const puback = await within(to.publishAsync(topic, JSON.stringify(body), { qos: 1 }), ended)
        if (puback === 'late') return UNANSWERED
        onKept()
        if (kind === 'event') return { kind: 'kept' }
        const outcome = await within(answered, ended)
        return outcome === 'late' ? UNANSWERED : outcome
      } catch (error) {
        const code = (error as { code?: unknown }).code
        if (typeof code === 'number' && code >= 0x80)
          return { kind: 'refused', code: `mqtt-${code}` }
        drop()
        return UNANSWERED
      } finally {
        waiting.delete(id)
      }
    },
  }
}

/** `ended` resolves when the connection does: then there is nothing to wait for. */
async function within<T>(promise: Promise<T>, ended?: Promise<'late'>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ATTEMPT_TIMEOUT_MS)
  })
  try {
    return await Promise.race([promise, late, ...(ended ? [ended] : [])])
  } finally {
    clearTimeout(timer)
  }
}
