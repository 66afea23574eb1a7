/** Small servers that speak the transports of the contract, to try the client on alone. */
import { createServer, type Server, type Socket } from 'node:net'
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { Aedes } from 'aedes'
import { WebSocketServer } from 'ws'
import { answer } from './samples.ts'

export interface StandIn {
  readonly url: string
  /** Messages of devices as they came: `name` and body. */
  readonly received: { readonly name: string; readonly body: Record<string, unknown> }[]
  /** What the gateway does with a message; undefined = takes it silently. */
  reply: (name: string, body: Record<string, unknown>) => object | undefined
  send(deviceId: string, name: string, message: object): void
  /** Cuts every connection. */
  cut(): void
  close(): Promise<void>
}

const answerAsks = (name: string, body: Record<string, unknown>) =>
  name === 'ask' ? answer(String(body.id)) : undefined

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })

/** A broker of MQTT 3.1.1 alone. */
export async function startBroker(token: string, port = 0): Promise<StandIn> {
  const broker = await Aedes.createBroker()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    broker.handle(socket)
  })
  const actualPort = await listen(server, port)
  broker.authenticate = (client, user, password, done) => {
    const ok = user === client.id && password?.toString() === token
    done(ok ? null : Object.assign(new Error('refused'), { returnCode: 5 }), ok)
  }
  const standIn: StandIn = {
    url: `mqtt://127.0.0.1:${actualPort}`,
    received: [],
    reply: answerAsks,
    send: (deviceId, name, message) =>
      broker.publish(
        {
          cmd: 'publish',
          topic: topicOf(deviceId, name),
          payload: Buffer.from(JSON.stringify(message)),
          qos: 1,
          dup: false,
          retain: name === 'desired',
        },
        () => undefined,
      ),
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => broker.close(() => resolve()))
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  broker.on('publish', (packet, client) => {
    if (client === null) return
    const name = packet.topic.split('/').at(-1) ?? ''
    const body = JSON.parse(packet.payload.toString()) as Record<string, unknown>
    standIn.received.push({ name, body })
    const reply = standIn.reply(name, body)
    if (reply === undefined) return
    const replyName = 'code' in reply ? 'problem' : 'answer'
    standIn.send(client.id, replyName, reply)
  })
  return standIn
}

/** The WebSocket protocol in JSON. */
export async function startSocketServer(token: string, port = 0): Promise<StandIn> {
  const server = new WebSocketServer({ host: '127.0.0.1', port, path: '/v1/ws' })
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  const actualPort = typeof address === 'object' && address !== null ? address.port : 0
  const standIn: StandIn = {
    url: `ws://127.0.0.1:${actualPort}/v1/ws`,
    received: [],
    reply: answerAsks,
    send: (_deviceId, name, message) => {
      for (const socket of server.clients) socket.send(JSON.stringify({ ...message, type: name }))
    },
    cut: () => {
      for (const socket of server.clients) socket.terminate()
    },
    close: async () => {
      for (const socket of server.clients) socket.terminate()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Record<string, unknown>
      const time = new Date().toISOString()
      const say = (reply: object) => socket.send(JSON.stringify(reply))
      if (frame.type === 'hello') {
        if (frame.token !== token) {
          say({ type: 'problem', title: 'No', status: 401, detail: 'No.', code: 'auth.refused' })
          socket.close(4401)
          return
        }
        say({ type: 'welcome', deviceId: frame.deviceId, server: 't', time, maxFrameBytes: 65536 })
        return
      }
      if (frame.type === 'ping') {
        say({ type: 'time', time })
        return
      }
      const { type, ...body } = frame
      standIn.received.push({ name: String(type), body })
      const reply = standIn.reply(String(type), body)
      if (reply !== undefined) say({ ...reply, type: 'code' in reply ? 'problem' : 'answer' })
      else if (type !== 'ask') say({ type: 'ack', inReplyTo: body.id })
    })
  })
  return standIn
}
