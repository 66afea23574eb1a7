/**
 * An unmodified aedes as the house's door to the broker: plug-ins publish, subscribe and watch clients
 * through its public interface. Devices are served by the engine of this folder; aedes sees each of
 * them in its client registry, and shares router and retained messages with the engine.
 */
import { Aedes } from 'aedes'
import type { Store } from '../../../storage/store.ts'
import type { MqttLogger } from '../ports.ts'
import { houseProperties, Message } from '../routing/message.ts'
import type { HousePacket, Listener, Router } from '../routing/router.ts'
import { RouteEmitter } from './emitter.ts'
import { AedesPersistence } from './persistence.ts'
import type { AedesPacket } from './retained-rows.ts'

export interface CoreParts {
  readonly store: Store
  readonly router: Router
  readonly logger: MqttLogger
  /** Milliseconds by which the wall clock is ahead of broker time. */
  readonly wallAheadMs: () => number
  /** Gives a message to the devices that subscribe; calls back when it is kept. */
  readonly deliver: (message: Message, done: (error?: Error) => void) => void
  /** aedes has stored a retained message. */
  readonly retain: (message: Message) => void
  /** Closes a device's connection at a plug-in's wish. */
  readonly close: (clientId: string) => void
}

/** A device in the registry of aedes. */
interface RegisteredClient {
  readonly id: string
  readonly duplicates: Record<string, number>
  closed: boolean
  close(done?: () => void): void
}

/** The part of aedes that its type declarations leave out. */
interface ClientRegistry {
  registerClient(client: RegisteredClient): void
  unregisterClient(client: RegisteredClient): void
}

/** Devices are queued for by the engine; were aedes to see their filters, it would queue a second time. */
class CorePersistence extends AedesPersistence {
  override async subscriptionsByTopic(): Promise<never[]> {
    return []
  }
}

export class AedesCore {
  readonly aedes: Aedes
  private readonly clients = new Map<string, RegisteredClient>()
  private readonly parts: CoreParts
  private readonly started: Promise<void>

  constructor(parts: CoreParts) {
    this.parts = parts
    const { router } = parts
    const mq = new RouteEmitter<HousePacket>({
      routes: {
        add: (filter, listener) => router.add(filter, listener),
        remove: (filter, listener) => router.remove(filter, listener),
        match: (topic) => router.match(topic).listeners,
      },
      deliver: (packet, done) => parts.deliver(this.toMessage(packet), done),
    })
    const persistence = new CorePersistence({
      store: parts.store,
      onRetained: (packet) => parts.retain(this.toMessage(packet)),
    })
    this.aedes = new Aedes({ mq, persistence })
    this.aedes.on('error' as 'closed', () => undefined)
    this.started = this.aedes.listen()
    this.started.catch((error: unknown) =>
      parts.logger.error({ err: error }, 'aedes did not start'),
    )
  }

  /** A device's message to a subscription of a plug-in. */
  notify(listener: Listener, message: Message): void {
    listener.notify(this.toPacket(message), () => undefined)
  }

  register(clientId: string): void {
    const client: RegisteredClient = {
      id: clientId,
      duplicates: {},
      closed: false,
      close: (done) => {
        this.parts.close(clientId)
        done?.()
      },
    }
    this.clients.set(clientId, client)
    this.registry().registerClient(client)
  }

  unregister(clientId: string): void {
    const client = this.clients.get(clientId)
    if (client === undefined) return
    this.clients.delete(clientId)
    client.closed = true
    this.registry().unregisterClient(client)
  }

  async close(): Promise<void> {
    await this.started
    await new Promise<void>((resolve) => this.aedes.close(resolve))
  }

  private registry(): ClientRegistry {
    return this.aedes as unknown as ClientRegistry
  }

  private toPacket(message: Message): HousePacket {
    const { topic, payload, qos, retain, publisher, properties, expiresAtMs } = message
    return {
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain,
      dup: false,
      ...(publisher === undefined ? {} : { clientId: publisher }),
      ...(properties === undefined ? {} : { properties }),
      ...(Number.isFinite(expiresAtMs)
        ? { messageExpiry: expiresAtMs + this.parts.wallAheadMs() }
        : {}),
    }
  }

  private toMessage(packet: HousePacket | AedesPacket): Message {
    const { topic, payload, qos, retain, properties, clientId, messageExpiry } = packet
    return new Message({
      topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
      qos,
      retain,
      properties: houseProperties(properties),
      publisher: clientId,
      expiresAtMs:
        messageExpiry === undefined ? undefined : messageExpiry - this.parts.wallAheadMs(),
    })
  }
}
