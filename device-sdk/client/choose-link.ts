import { Value } from '@sinclair/typebox/value'
import { DeviceId } from '../protocol/schemas.ts'
import type { DeviceClientOptions } from './api.ts'
import { systemClock } from './clock.ts'
import { DeviceClientError } from './errors.ts'
import type { LinkOptions, OpenLink } from './link.ts'
import { mqttLinkOpener } from './mqtt-link.ts'
import { type OpenSocket, websocketLinkOpener } from './websocket-link.ts'

const CONNECT_TIMEOUT_MS = 10_000

/**
 * The transport for a URL: MQTT for `mqtt:`, `mqtts:` and a WebSocket address that ends in `/mqtt`,
 * the WebSocket protocol for any other. Throws `client.bad-url`, `client.invalid`.
 */
export function chooseLink(options: DeviceClientOptions, openSocket: OpenSocket): OpenLink {
  if (!Value.Check(DeviceId, options.deviceId))
    throw new DeviceClientError('client.invalid', '/deviceId')
  const link: LinkOptions = {
    url: parseUrl(options.url),
    deviceId: options.deviceId,
    token: options.token,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    encoding: options.encoding ?? 'json',
    clock: options.clock ?? systemClock,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
  }
  const open = speaksMqtt(link.url) ? mqttLinkOpener(link) : websocketLinkOpener(link, openSocket)
  return options.wrapLink?.(open) ?? open
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(text)
    if (/^(mqtts?|wss?):$/.test(url.protocol)) return url
  } catch {
    // Said below, with the same words as a wrong scheme.
  }
  throw new DeviceClientError('client.bad-url', `(${text})`)
}

const speaksMqtt = (url: URL): boolean =>
  url.protocol.startsWith('mqtt') || url.pathname.replace(/\/$/, '').endsWith('/mqtt')
