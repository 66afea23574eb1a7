/**
 * A bridge's way to the other broker. Over TLS its certificate is judged by the time that the box trusts,
 * and not by OpenSSL's clock; nothing of ours is sent before that.
 */
import type { Duplex } from 'node:stream'
import { createJudgedTls, type JudgedTarget } from '@kefu-edge/cloud-sync/judged-tls'
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import { connect, type IClientOptions, MqttClient } from 'mqtt'

/** As IANA has them. */
const MQTTS_PORT = 8883
const WSS_PORT = 443

export interface DialParts {
  readonly url: string
  /** The authorities that count; absent: those that come with Node. */
  readonly caPem?: string | undefined
  readonly time: () => TrustedTime
  /** Why a TLS connection did not come about, or was lost. */
  readonly onError: (error: unknown) => void
}

/** Connects, and again after each loss. Throws when `caPem` cannot be read. */
export function dial(parts: DialParts, options: IClientOptions): MqttClient {
  const url = new URL(parts.url)
  if (url.protocol === 'mqtts:') return dialMqtts(url, parts, options)
  if (url.protocol === 'wss:') return dialWss(url, parts, options)
  return connect(parts.url, options)
}

function dialMqtts(url: URL, parts: DialParts, options: IClientOptions): MqttClient {
  const way = createJudgedTls(parts)
  const target = targetOf(url, MQTTS_PORT)
  return new MqttClient(() => way.open(target).on('error', parts.onError), {
    ...options,
    ...loginOf(url),
    protocol: 'mqtts',
    host: target.host,
    port: target.port,
  })
}

/** As `ws` and Node's HTTP client have it; without an error there is a socket. */
type Created = (error: Error | null, socket: Duplex) => void

function dialWss(url: URL, parts: DialParts, options: IClientOptions): MqttClient {
  // Without it no HTTP/1.1 is agreed on where the other side speaks HTTP/2 too.
  const way = createJudgedTls({ ...parts, protocols: ['http/1.1'] })
  const target = targetOf(url, WSS_PORT)
  const createConnection = (_options: object, done: Created): null => {
    way.dial(target, (error, socket) => {
      if (error) parts.onError(error)
      done(error, socket as Duplex)
    })
    return null
  }
  return connect(parts.url, { ...options, wsOptions: { createConnection } })
}

const targetOf = ({ hostname, port }: URL, usual: number): JudgedTarget => ({
  host: hostname.replace(/^\[|\]$/g, ''),
  port: port === '' ? usual : Number(port),
})

function loginOf({ username, password }: URL): IClientOptions {
  if (username === '') return {}
  const decoded = { username: decodeURIComponent(username) }
  return password === '' ? decoded : { ...decoded, password: decodeURIComponent(password) }
}
