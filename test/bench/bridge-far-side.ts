/**
 * The far side of a bridge: an MQTT 3.1.1 server that forgets nothing and counts what arrives. Its
 * sessions outlive its restarts, so what is lost or doubled was lost or doubled by the bridge.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet'

/** Our bridge measures its health by a message that comes back. */
const ECHO_TOPIC = 'kefu-edge/echo/'
/** Kept sessions: packet ids of QoS 2 messages that were received and not yet released. */
type Unreleased = Set<number>

export interface FarSide {
  readonly port: number
  /** How often each payload of a topic below `site/` arrived. */
  readonly counts: ReadonlyMap<string, number>
  /** Closes every connection and the port; sessions stay. */
  stop(): Promise<void>
  start(): Promise<void>
}

export async function openFarSide(): Promise<FarSide> {
  const counts = new Map<string, number>()
  const sessions = new Map<string, Unreleased>()
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let port = 0

  function accept(socket: Socket): void {
    sockets.add(socket)
    let session: Unreleased = new Set()
    const parser = mqttPacket.parser()
    const send = (packet: Packet) => void socket.write(mqttPacket.generate(packet))
    parser.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') {
        const kept = packet.clean ? undefined : sessions.get(packet.clientId)
        session = kept ?? new Set()
        sessions.set(packet.clientId, session)
        send({ cmd: 'connack', returnCode: 0, sessionPresent: kept !== undefined })
      } else answer(packet, session, send)
    })
    parser.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => parser.parse(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  }

  function answer(packet: Packet, session: Unreleased, send: (packet: Packet) => void): void {
    const { messageId = 0 } = packet
    switch (packet.cmd) {
      case 'publish':
        take(packet, session, send)
        break
      case 'pubrel':
        session.delete(messageId)
        send({ cmd: 'pubcomp', messageId })
        break
      case 'subscribe':
        send({ cmd: 'suback', messageId, granted: packet.subscriptions.map((s) => s.qos) })
        break
      case 'unsubscribe':
        send({ cmd: 'unsuback', messageId, granted: [] })
        break
      case 'pingreq':
        send({ cmd: 'pingresp' })
        break
      default:
    }
  }

  function take(packet: IPublishPacket, session: Unreleased, send: (packet: Packet) => void): void {
    const { topic, payload, qos, messageId = 0 } = packet
    if (topic.startsWith(ECHO_TOPIC)) {
      send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false })
    }
    if (topic.startsWith('site/') && !(qos === 2 && session.has(messageId))) {
      const text = String(payload)
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    if (qos === 2) session.add(messageId)
    if (qos > 0) send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId })
  }

  async function start(): Promise<void> {
    server = createServer(accept).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    port = typeof address === 'object' && address ? address.port : 0
  }

  async function stop(): Promise<void> {
    const closing = server
    if (!closing) return
    const closed = once(closing, 'close')
    closing.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }

  await start()
  return { port, counts, start, stop }
}
