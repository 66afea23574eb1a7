import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../../gateway/channels/mqtt/limits.ts'
import { describeOptions } from '../../../gateway/config/describe-options.ts'
import { loadConfig } from '../../../gateway/config/load-config.ts'
import { mqttLimitsOf } from '../../../gateway/config/mqtt-options.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const load = (yaml: string, env: Record<string, string> = {}) => {
  const dataDir = tempFolder()
  writeFileSync(join(dataDir, 'kefu-edge.yaml'), yaml)
  return loadConfig({ dataDir, env })
}

describe('the configuration', () => {
  it('is whole without a file: plain ports on loopback', () => {
    const config = loadConfig({ dataDir: tempFolder(), env: {} })
    expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8080 })
    expect(config.mqtt).toMatchObject({ host: '127.0.0.1', port: 1883, allowAnonymous: false })
    expect(config.storage.synchronous).toBe('FULL')
  })

  it('says what the rooms hold in the units of an operator', () => {
    const { mqtt, retention } = loadConfig({ dataDir: tempFolder(), env: {} })
    expect(mqtt).toMatchObject({
      maxPacketBytes: 2_097_152,
      topicAliasMaximum: 20,
      connectsPerSecond: 500,
      maxQueuedHours: 168,
      maxSessionHours: 168,
    })
    expect({ ...DEFAULT_LIMITS, ...mqttLimitsOf(mqtt) }).toEqual(DEFAULT_LIMITS)
    expect(retention).toEqual({
      C1: { minDays: 180, maxDays: 1095 },
      C2: { minDays: 180, maxDays: 365 },
    })
  })

  it('takes the file, and the environment over the file', () => {
    const config = load('http: { port: 9000 }\nmqtt: { port: 9001 }', {
      KEFU_MQTT_PORT: '0',
      KEFU_CLOUD_URL: 'https://core',
    })
    expect(config.http.port).toBe(9000)
    expect(config.mqtt.port).toBe(0)
    expect(config.cloud.url).toBe('https://core')
  })

  it('takes a variable that is set to nothing for one that is not set', () => {
    const env = { KEFU_DATA: '', KEFU_HTTP_PORT: '', KEFU_CLOUD_URL: '' }
    expect(loadConfig({ env })).toEqual(loadConfig({ env: {} }))
  })

  it.each([
    ['http: { prot: 1 }', 'http.prot'],
    ['http: { port: 70000 }', 'http.port'],
    ['log: { level: loud }', 'log.level: "loud" is none of trace, '],
    ['- a list', 'not a map'],
    ['http: [', 'kefu-edge.yaml'],
    ['tls: { certFile: a, keyFile: b, requireClientCertificate: true }', 'tls.caFile'],
    ['cloud: { url: "https://core.example:94433" }', 'cloud.url'],
    ['backup: { cron: "3:30" }', 'backup.cron'],
    ['retention: { C2: { minDays: 10, maxDays: 5 } }', 'retention.C2: minDays 10'],
  ])('names what is wrong in %s', (yaml, named) => {
    expect(() => load(yaml)).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: expect.stringContaining(named) }),
    )
  })

  it('names a wrong variable of the environment', () => {
    expect(() => load('', { KEFU_HTTP_PORT: 'many' })).toThrow('KEFU_HTTP_PORT')
  })

  it('cannot be changed afterwards', () => {
    const config = load('')
    expect(() => Object.assign(config.http, { port: 1 })).toThrow()
  })

  it('says of every option what it does and who needs it', () => {
    for (const option of describeOptions()) {
      expect(option.description, option.name).not.toBe('')
    }
  })
})
