/** Bridges to other brokers: secrets read, parts put together. Part of compose. */
import { readFileSync } from 'node:fs'
import { readCertificates } from '@kefu-edge/cloud-sync/judge-certificate'
import type { Bridge, BridgeStatus } from './bridge/bridge.ts'
import { endLocalSession } from './bridge/local-link.ts'
import { BRIDGE_CLIENT_PREFIX } from './channels/house-pass.ts'
import type { Box } from './compose.ts'
import type { DeviceSide } from './compose-devices.ts'
import type { Config } from './config/schema.ts'
import { GatewayError } from './errors.ts'
import type { Logger } from './logger.ts'
import type { Figure } from './metrics.ts'

export interface Bridges {
  status(): readonly BridgeStatus[]
  close(): Promise<void>
}

/** Throws `config.unreadable` when a password or CA file cannot be read. */
export async function composeBridges(
  config: Config,
  box: Box,
  { broker, housePass }: Pick<DeviceSide, 'broker' | 'housePass'>,
  logger: Logger,
): Promise<Bridges> {
  const { store, clock, ledger } = box
  const accept = broker.accept.bind(broker)
  const ownBroker = {
    accept,
    publish: broker.publish.bind(broker),
    nowMs: broker.nowMs.bind(broker),
  }
  const bridges: Bridge[] = []
  for (const options of config.bridges) {
    // The client behind a bridge is large: a box without bridges does without it.
    const { createBridge } = await import('./bridge/bridge.ts')
    const bridge = createBridge({
      options,
      gatewayId: ledger.gatewayId,
      password: readOption(options.name, 'passwordFile', options.passwordFile)?.trim(),
      caPem: readOption(options.name, 'caFile', options.caFile, mustHoldCertificate),
      time: box.time.reading,
      store,
      clock,
      random: Math.random,
      logger,
      ledger,
      broker: ownBroker,
      secret: housePass.secret,
    })
    bridges.push(bridge)
  }
  // A bridge that was taken out of the configuration would gather messages for ever.
  const wanted = new Set(
    config.bridges
      .filter(({ out }) => out.length > 0)
      .map(({ name }) => `${BRIDGE_CLIENT_PREFIX}${name}`),
  )
  for (const { clientId } of broker.connections()) {
    if (!clientId.startsWith(BRIDGE_CLIENT_PREFIX) || wanted.has(clientId)) continue
    endLocalSession(accept, clientId, housePass.secret)
  }
  return {
    status: () => bridges.map((bridge) => bridge.status()),
    close: async () => {
      await Promise.all(bridges.map((bridge) => bridge.close()))
    },
  }
}

/** Figures of all bridges, by name. */
export function bridgeFigures(status: () => readonly BridgeStatus[]): Figure[] {
  const each = (value: (one: BridgeStatus) => number) => () =>
    status().map((one) => ({ labels: { bridge: one.name }, value: value(one) }))
  const outcomes = ['sent', 'refused', 'expired', 'received', 'looped'] as const
  return [
    {
      name: 'kefu_bridge_connected',
      help: '1 after an end-to-end echo over the other broker, else 0',
      labelNames: ['bridge'],
      read: each((one) => (one.state === 'connected' ? 1 : 0)),
    },
    {
      name: 'kefu_bridge_waiting_messages',
      help: 'Messages on disk that the other broker has not acknowledged',
      labelNames: ['bridge'],
      read: each((one) => one.waiting),
    },
    {
      name: 'kefu_bridge_messages',
      help: 'Messages of a bridge by what became of them',
      labelNames: ['bridge', 'outcome'],
      read: () =>
        status().flatMap((one) =>
          outcomes.map((outcome) => ({
            labels: { bridge: one.name, outcome },
            value: one[outcome],
          })),
        ),
    },
  ]
}

function readOption(
  bridge: string,
  option: string,
  file: string | undefined,
  check: (text: string) => void = () => {},
): string | undefined {
  if (file === undefined) return undefined
  try {
    const text = readFileSync(file, 'utf8')
    check(text)
    return text
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const detail = `${option} ${file} of bridge "${bridge}": ${why}`
    throw new GatewayError('config.unreadable', { detail, cause })
  }
}

function mustHoldCertificate(pem: string): void {
  if (readCertificates(pem).length === 0) throw new Error('no certificate in PEM stands in it')
}
