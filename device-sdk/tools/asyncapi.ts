/** AsyncAPI 3.0: MQTT topics and WebSocket frames, from the device's side. */
import { DOWNSTREAM, UPSTREAM } from '../protocol/schemas.ts'
import { topicOf } from '../protocol/topics.ts'
import { componentSchemas, type JsonObject } from './contract-schemas.ts'

const schemaRef = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const idOf = (schema: { readonly $id?: string }): string => schema.$id ?? ''

const DEVICE_ID_PARAMETER = {
  deviceId: { description: 'The id of the device; also its MQTT client id and user name' },
}
/** Kept by the gateway for whoever subscribes later. */
const RETAINED: ReadonlySet<string> = new Set(['reported', 'desired', 'presence'])

/** Sent while the device is connected, and to nobody later: old news of what time it is would be wrong. */
const FLEETING: ReadonlySet<string> = new Set(['time'])

const SUMMARIES: Readonly<Record<string, string>> = {
  ask: 'Ask one question; `id` is the idempotency key',
  played: 'Prove how far a speech was played',
  feedback: 'Tell what the person thought of an answer',
  event: 'Tell of a button, sensor, alarm, scan or attachment',
  reported: 'Tell the state of the device, whole (retained)',
  answer: 'The answer to an ask',
  speech: 'Speech to play: broadcast, call, reminder, alert',
  desired: 'The state that the device should take on (retained)',
  presence: 'Whether the device is connected (retained)',
  time: 'What time it is: go on from it by a clock that nobody sets',
  problem: 'Why a message was refused',
}

function channels(): JsonObject {
  const topics = Object.entries({ ...UPSTREAM, ...DOWNSTREAM }).map(([name, schema]) => [
    name,
    {
      address: topicOf('{deviceId}', name),
      description: SUMMARIES[name],
      servers: ['mqtt', 'mqtts', 'mqttOverWebSocket'].map(serverRef),
      parameters: DEVICE_ID_PARAMETER,
      messages: { [idOf(schema)]: { $ref: `#/components/messages/${idOf(schema)}` } },
    },
  ])
  const frames = frameNames().map((name) => [
    `${name}Frame`,
    { $ref: `#/components/messages/${name}Frame` },
  ])
  return {
    ...Object.fromEntries(topics),
    webSocket: {
      address: '/v1/ws',
      description:
        'One message a frame. Subprotocol `kefu.v1.json` (text frames) or `kefu.v1.msgpack` (binary frames). The first frame is `hello`, within 5 s.',
      servers: ['webSocket', 'webSocketTls'].map(serverRef),
      messages: Object.fromEntries(frames),
      bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
    },
  }
}

const serverRef = (name: string) => ({ $ref: `#/servers/${name}` })
const frameNames = (): string[] => [
  'hello',
  'welcome',
  'ack',
  'ping',
  ...Object.keys(UPSTREAM),
  ...Object.keys(DOWNSTREAM),
]

function messages(): JsonObject {
  const topics = Object.values({ ...UPSTREAM, ...DOWNSTREAM }).map((schema) => [
    idOf(schema),
    {
      name: idOf(schema),
      title: schema.description,
      contentType: 'application/json',
      payload: schemaRef(idOf(schema)),
    },
  ])
  return { ...Object.fromEntries(topics), ...Object.fromEntries(frameNames().map(frameMessage)) }
}

/** A frame is the message with its name as `type`; a problem gives up its own, which its code tells. */
function frameMessage(name: string): [string, JsonObject] {
  const all: Readonly<Record<string, { readonly $id?: string }>> = { ...UPSTREAM, ...DOWNSTREAM }
  const schema = all[name]
  const own = { hello: 'Hello', welcome: 'Welcome', ack: 'Ack', ping: 'Ping' }[name]
  const payload =
    schema === undefined
      ? schemaRef(own ?? '')
      : { allOf: [typed({ const: name }), schemaRef(idOf(schema))] }
  return [`${name}Frame`, { name, contentType: 'application/json', payload }]
}

const typed = (type: JsonObject): JsonObject => ({
  type: 'object',
  required: ['type'],
  properties: { type },
})

function operations(): JsonObject {
  const one = (action: 'send' | 'receive', name: string, schema: { readonly $id?: string }) => ({
    action,
    channel: { $ref: `#/channels/${name}` },
    summary: SUMMARIES[name],
    messages: [{ $ref: `#/channels/${name}/messages/${idOf(schema)}` }],
    bindings: {
      mqtt: {
        qos: FLEETING.has(name) ? 0 : 1,
        retain: RETAINED.has(name),
        bindingVersion: '0.2.0',
      },
    },
    ...(name === 'ask'
      ? {
          reply: {
            channel: { $ref: '#/channels/answer' },
            messages: [{ $ref: '#/channels/answer/messages/Answer' }],
          },
        }
      : {}),
  })
  const frames = (names: readonly string[]) =>
    names.map((name) => ({ $ref: `#/channels/webSocket/messages/${name}Frame` }))
  return {
    ...Object.fromEntries(
      Object.entries(UPSTREAM).map(([name, schema]) => [name, one('send', name, schema)]),
    ),
    ...Object.fromEntries(
      Object.entries(DOWNSTREAM).map(([name, schema]) => [name, one('receive', name, schema)]),
    ),
    sendFrame: {
      action: 'send',
      channel: { $ref: '#/channels/webSocket' },
      messages: frames(['hello', 'ping', ...Object.keys(UPSTREAM)]),
    },
    receiveFrame: {
      action: 'receive',
      channel: { $ref: '#/channels/webSocket' },
      messages: frames(['welcome', 'ack', ...Object.keys(DOWNSTREAM)]),
    },
  }
}

const LOGIN = {
  type: 'userPassword',
  description: 'User name = device id, password = token',
}

export function asyncApi(version: string): JsonObject {
  const security = [{ $ref: '#/components/securitySchemes/deviceToken' }]
  const mqtt = (host: string, protocol: string, description: string) => ({
    host,
    protocol,
    protocolVersion: '3.1.1, 5',
    description,
    security,
  })
  return {
    asyncapi: '3.0.0',
    id: 'urn:kefu:v1:device',
    info: {
      title: 'Kefu Edge: device and gateway',
      version,
      description: 'What a device sends to the gateway and receives from it. See CONTRACT.md.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      mqtt: mqtt('127.0.0.1:1883', 'mqtt', 'MQTT over TCP; loopback unless configured otherwise'),
      mqtts: mqtt('127.0.0.1:8883', 'mqtts', 'MQTT over TLS'),
      mqttOverWebSocket: {
        ...mqtt('127.0.0.1:8080', 'ws', 'MQTT over WebSocket, subprotocol `mqtt`'),
        pathname: '/mqtt',
      },
      webSocket: { host: '127.0.0.1:8080', protocol: 'ws', description: 'JSON or MessagePack' },
      webSocketTls: { host: '127.0.0.1:8443', protocol: 'wss', description: 'The same with TLS' },
    },
    channels: channels(),
    operations: operations(),
    components: {
      schemas: componentSchemas(),
      messages: messages(),
      securitySchemes: { deviceToken: LOGIN },
    },
  }
}
