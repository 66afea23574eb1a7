import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type EventEmitter, once } from 'node:events'
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { describe, expect, inject, test } from 'vitest'
import { startReady } from '../support/peer-process.ts'

/** Real clients of others against the broker: what a device maker has at hand. */

/** With CI_REQUIRE_PEERS=1 a missing peer fails instead of being skipped. */
const PEERS_REQUIRED = process.env.CI_REQUIRE_PEERS === '1'
/** Debian's interpreter, since its python3-paho-mqtt is not seen by others. */
const PYTHON = '/usr/bin/python3'

function available(name: string, command: string, args: readonly string[]): boolean {
  const found = spawnSync(command, args, { timeout: 20_000 }).error === undefined
  const works = found && spawnSync(command, args, { timeout: 20_000 }).status !== 127
  if (!works && !PEERS_REQUIRED) console.warn(`SKIPPED: ${name} is not installed`)
  return works || PEERS_REQUIRED
}

function pahoInstalled(): boolean {
  const found = spawnSync(PYTHON, ['-c', 'import paho.mqtt.client'], { timeout: 20_000 })
  if (found.status !== 0 && !PEERS_REQUIRED) console.warn('SKIPPED: python3-paho-mqtt is missing')
  return found.status === 0 || PEERS_REQUIRED
}

const HAS_MOSQUITTO =
  available('mosquitto_pub', 'mosquitto_pub', ['--help']) &&
  available('mosquitto_sub', 'mosquitto_sub', ['--help'])
const HAS_PAHO = pahoInstalled()

const unique = () => randomBytes(5).toString('hex')

function address(): string[] {
  const { host, port } = inject('broker').tcp
  return ['-h', host, '-p', String(port)]
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stderr}`))
      else resolve(stdout)
    })
  })
}

describe.skipIf(!HAS_MOSQUITTO).concurrent('mosquitto_pub and mosquitto_sub', () => {
  /** Starts mosquitto_sub and waits until its SUBACK is in. */
  const subscriber = (...args: string[]) =>
    startReady(
      'stdbuf',
      ['-oL', 'mosquitto_sub', ...address(), '-d', '-W', '20', ...args],
      /Subscribed|SUBACK/,
    )

  for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
    for (const qos of ['0', '1', '2']) {
      test.concurrent(`${version} QoS ${qos}: published and received`, async () => {
        const topic = `interop/${unique()}`
        const sub = await subscriber('-V', version, '-t', topic, '-q', qos, '-C', '1')
        await run('mosquitto_pub', [
          ...address(),
          '-V',
          version,
          '-t',
          topic,
          '-q',
          qos,
          '-m',
          '你好',
        ])
        expect(await sub.output()).toContain('你好')
      })
    }

    test.concurrent(`${version}: a retained message is kept`, async () => {
      const topic = `interop/${unique()}`
      const base = [...address(), '-V', version, '-t', topic]
      await run('mosquitto_pub', [...base, '-q', '1', '-r', '-m', 'kept'])
      const output = await run('mosquitto_sub', [...base, '-C', '1', '-W', '10', '-F', '%r %p'])
      expect(output.trim()).toBe('1 kept')
      await run('mosquitto_pub', [...base, '-q', '1', '-r', '-n'])
    })

    test.concurrent(`${version}: the will of a killed client is published`, async () => {
      const topic = `interop/${unique()}`
      const watcher = await subscriber('-V', version, '-t', topic, '-C', '1')
      const will = ['--will-topic', topic, '--will-payload', 'gone', '--will-qos', '1']
      const mortal = await subscriber('-V', version, '-t', `${topic}/x`, ...will)
      mortal.kill()
      expect(await watcher.output()).toContain('gone')
    })

    test.concurrent(`${version}: a session that is away gets its messages later`, async () => {
      const [topic, id] = [`interop/${unique()}`, `interop${unique()}`]
      const keep = version === 'mqttv5' ? ['-x', '60'] : []
      const args = ['-V', version, '-i', id, '-c', '-q', '1', '-t', topic, ...keep]
      await run('mosquitto_sub', [...address(), ...args, '-E'])
      await run('mosquitto_pub', [...address(), '-t', topic, '-q', '1', '-m', 'waited'])
      const output = await run('mosquitto_sub', [...address(), ...args, '-C', '1', '-W', '10'])
      expect(output.trim()).toBe('waited')
    })
  }

  test.concurrent('mqttv5: properties arrive in their order', async () => {
    const topic = `interop/${unique()}`
    const sub = await subscriber('-V', 'mqttv5', '-t', topic, '-C', '1', '-F', '%C|%R|%D|%P|%p')
    const property = (...args: string[]) => ['-D', 'publish', ...args]
    await run('mosquitto_pub', [
      ...[...address(), '-V', 'mqttv5', '-t', topic, '-m', 'text', '-q', '1'],
      ...property('content-type', 'text/plain'),
      ...property('response-topic', 'answers'),
      ...property('correlation-data', 'id7'),
      ...property('user-property', 'b', '1'),
      ...property('user-property', 'a', '2'),
    ])
    expect(await sub.output()).toContain('text/plain|answers|id7|b:1 a:2|text')
  })

  test.concurrent('mqttv5: a request gets its response (mosquitto_rr)', async () => {
    const topic = `interop/${unique()}`
    const answerer = await connectAsync({
      ...{ host: inject('broker').tcp.host, port: inject('broker').tcp.port },
      protocolVersion: 5,
    })
    answerer.on('message', (_, __, { properties }) => {
      const correlationData = properties?.correlationData
      const back = correlationData ? { properties: { correlationData } } : {}
      answerer.publish(properties?.responseTopic ?? '', '五点', back)
    })
    await answerer.subscribeAsync(topic, { qos: 1 })
    const args = ['-V', 'mqttv5', '-t', topic, '-e', `${topic}/answer`, '-m', '几点?', '-W', '10']
    expect((await run('mosquitto_rr', [...address(), ...args])).trim()).toBe('五点')
    await answerer.endAsync()
  })
})

/** What a client emits next under this name. */
function arrival(client: MqttClient, name: 'message' | 'connect') {
  return once(client as unknown as EventEmitter, name)
}

describe.concurrent('MQTT.js', () => {
  for (const link of ['tcp', 'ws'] as const) {
    for (const protocolVersion of [4, 5] as const) {
      const dial = (options: IClientOptions = {}): MqttClient => {
        const { tcp, ws } = inject('broker')
        const url = link === 'tcp' ? `mqtt://${tcp.host}:${tcp.port}` : ws
        return connect(url, { protocolVersion, reconnectPeriod: 0, ...options })
      }
      const join = async (options: IClientOptions = {}) => {
        const client = dial(options)
        await arrival(client, 'connect')
        return client
      }

      test.concurrent(`MQTT ${protocolVersion} over ${link}: each QoS makes the round`, async () => {
        const topic = `interop/${unique()}`
        const client = await join()
        await client.subscribeAsync(topic, { qos: 2 })
        for (const qos of [0, 1, 2] as const) {
          const arrived = arrival(client, 'message')
          await client.publishAsync(topic, `qos ${qos}`, { qos })
          const [, payload, message] = await arrived
          expect([String(payload), message.qos]).toEqual([`qos ${qos}`, qos])
        }
        await client.endAsync()
      })

      test.concurrent(`MQTT ${protocolVersion} over ${link}: retained and will`, async () => {
        const topic = `interop/${unique()}`
        const will = { topic, payload: Buffer.from('gone'), qos: 1, retain: true } as const
        const [watcher, mortal] = [await join(), await join({ will })]
        await watcher.subscribeAsync(topic, { qos: 1 })
        const arrived = arrival(watcher, 'message')
        mortal.stream.destroy()
        expect(String((await arrived)[1])).toBe('gone')
        const late = await join()
        const kept = arrival(late, 'message')
        await late.subscribeAsync(topic)
        const [, payload, message] = await kept
        expect([String(payload), message.retain]).toEqual(['gone', true])
        await late.publishAsync(topic, '', { qos: 1, retain: true })
        await Promise.all([watcher.endAsync(), late.endAsync(), mortal.endAsync(true)])
      })

      test.concurrent(`MQTT ${protocolVersion} over ${link}: a session is resumed`, async () => {
        const topic = `interop/${unique()}`
        const properties =
          protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}
        const session = { clientId: `js${unique()}`, clean: false, ...properties }
        const first = await join(session)
        await first.subscribeAsync(topic, { qos: 1 })
        await first.endAsync()
        const from = await join()
        await from.publishAsync(topic, 'waited', { qos: 1 })
        // What waited comes right behind CONNACK, so the listener is there before it.
        const again = dial(session)
        const [, payload] = await arrival(again, 'message')
        expect(String(payload)).toBe('waited')
        await Promise.all([from.endAsync(), again.endAsync()])
      })
    }
  }
})

const PAHO_SCRIPT = new URL('./paho-client.py', import.meta.url).pathname

describe.skipIf(!HAS_PAHO).concurrent('Paho Python', () => {
  for (const version of ['3.1', '3.1.1', '5']) {
    for (const transport of ['tcp', 'websockets']) {
      test.concurrent(`MQTT ${version} over ${transport}: QoS, retained, will, session`, async () => {
        const { tcp, ws } = inject('broker')
        const port = transport === 'tcp' ? tcp.port : Number(new URL(ws).port)
        const args = [PAHO_SCRIPT, tcp.host, String(port), transport, version, unique()]
        const lines = (await run(PYTHON, args)).trim().split('\n')
        const steps = ['qos 0', 'qos 1', 'qos 2', 'retained', 'will', 'session']
        expect(lines).toEqual(version === '5' ? [...steps, 'properties'] : steps)
      })
    }
  }
})
