import { randomBytes } from 'node:crypto'
import { describe, inject, test } from 'vitest'
import { WireClient } from './client.ts'
import { type BrokerAddress, openLink, type Transport } from './link.ts'
import * as packet from './packets.ts'
import './suite-context.ts'

type OpenOptions = Partial<packet.ConnectOptions>

const RUN = randomBytes(3).toString('hex')
let serial = 0

/** What one case works with: its own names, and connections that are closed after it. */
export class WireCase {
  readonly version: packet.Version
  readonly transport: Transport
  readonly address: BrokerAddress
  /** Letters and digits that no other case of any run uses. */
  readonly unique: string
  readonly #clients: WireClient[] = []

  constructor(version: packet.Version, transport: Transport, address: BrokerAddress) {
    this.version = version
    this.transport = transport
    this.address = address
    serial += 1
    this.unique = `${RUN}${process.pid.toString(36)}n${serial.toString(36)}`
  }

  /** A topic only this case uses. */
  topic(rest = 't'): string {
    return `wire/${this.unique}/${rest}`
  }

  clientId(name = 'c'): string {
    return `${name}${this.unique}`
  }

  /** CONNECT options of a session that outlives its connection, in either version. */
  lasting(seconds = 60, name = 'lasting') {
    const keep = this.version === 5 ? { props: [['sessionExpiryInterval', seconds] as const] } : {}
    return { clientId: this.clientId(name), clean: false, ...keep }
  }

  /** A connection on which nothing has been sent. */
  async open(version = this.version, clientId = ''): Promise<WireClient> {
    const link = await openLink(this.transport, this.address)
    const client = new WireClient(link, version, clientId)
    this.#clients.push(client)
    return client
  }

  /** A connection on which a CONNECT has been sent. */
  async dial(options: OpenOptions = {}): Promise<WireClient> {
    const version = options.version ?? this.version
    const clientId = options.clientId ?? `${this.clientId()}x${this.#clients.length}`
    const client = await this.open(version, String(clientId))
    client.send(packet.connect({ ...options, version, clientId }))
    return client
  }

  /** A connection the broker has accepted. */
  async connect(options: OpenOptions = {}): Promise<WireClient> {
    const client = await this.dial(options)
    const connack = await client.expect('connack')
    if (connack.code !== 0) throw new Error(`CONNACK 0x${connack.code.toString(16)}`)
    client.connack = connack
    return client
  }

  close(): void {
    for (const client of this.#clients) client.kill()
  }
}

type CaseBody = (w: WireCase) => Promise<void>
type Register = (name: string, body: CaseBody) => void
type RegisterBoth = (
  statements: string | readonly [string, string],
  sentence: string,
  body: CaseBody,
) => void

/** How cases are registered: for MQTT 3.1.1, for MQTT 5, or for both. */
export interface Registry {
  v4: Register
  v5: Register
  /** Statement numbers of 3.1.1 and of 5 (one string when they are the same), then the sentence. */
  both: RegisterBoth
}

function registerOn(transport: Transport, version: packet.Version): Register {
  const label = version === 5 ? 'MQTT 5' : 'MQTT 3.1.1'
  return (name, body) =>
    test.concurrent(`${label} ${name}`, async () => {
      const w = new WireCase(version, transport, inject('broker'))
      try {
        await body(w)
      } finally {
        w.close()
      }
    })
}

/** Statement numbers become [MQTT-3.1.2-24]; names of behaviours stay as they are. */
function label(statement: string): string {
  return /^\d/.test(statement) ? `[MQTT-${statement}]` : `[${statement}]`
}

/** Runs the same cases over TCP and over WebSocket, all at once. */
export function wireSuite(title: string, define: (registry: Registry) => void): void {
  describe.concurrent.each(['tcp', 'ws'] as const)(`${title} over %s`, (transport) => {
    const v4 = registerOn(transport, 4)
    const v5 = registerOn(transport, 5)
    const both: RegisterBoth = (statements, sentence, body) => {
      const [four, five] = typeof statements === 'string' ? [statements, statements] : statements
      v4(`${label(four)} ${sentence}`, body)
      v5(`${label(five)} ${sentence}`, body)
    }
    define({ v4, v5, both })
  })
}
