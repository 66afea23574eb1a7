import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../gateway/config/load-config.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const load = (bridge: object, ...more: object[]) =>
  loadConfig({
    dataDir: tempFolder(),
    env: {},
    overrides: {
      bridges: [{ name: 'hospital', url: 'mqtt://broker:1883', ...bridge }, ...more],
    },
  })
const wrong = (detail: RegExp) =>
  expect.objectContaining({ code: 'config.invalid', message: expect.stringMatching(detail) })

describe('the options of a bridge', () => {
  it('have defaults', () => {
    expect(load({ out: [{ filter: 'site/#' }] }).bridges).toEqual([
      {
        name: 'hospital',
        url: 'mqtt://broker:1883',
        protocolVersion: 5,
        keepAliveSeconds: 30,
        out: [{ filter: 'site/#', qos: 1 }],
        in: [],
      },
    ])
  })

  it.each([
    ['a scheme that is not MQTT', { url: 'http://broker' }, /bridges\.0\.url/],
    ['a filter that is none', { out: [{ filter: 'a/#/b' }] }, /"a\/#\/b" is not a topic filter/],
    ['a shared subscription', { in: [{ filter: '$share/g/a' }] }, /is not a topic filter/],
    ['a prefix with a wildcard', { out: [{ filter: 'a', remotePrefix: '#' }] }, /remotePrefix/],
    ['no rule at all', {}, /nothing goes out and nothing comes in/],
    [
      'a loop that MQTT 3.1.1 could not break',
      {
        protocolVersion: 4,
        out: [{ filter: 'site/#', remotePrefix: 'w/' }],
        in: [{ filter: 'w/+/x' }],
      },
      /what leaves by "site\/#" would come back by "w\/\+\/x"/,
    ],
  ])('are refused with the option named: %s', (_, bridge, detail) => {
    let error: unknown
    try {
      load(bridge)
    } catch (caught) {
      error = caught
    }
    expect(error).toEqual(wrong(detail))
  })

  it('do not let two bridges share a name', () => {
    const out = [{ filter: 'a', qos: 1 }]
    const twin = { name: 'hospital', url: 'mqtt://other', out }
    expect(() => load({ out }, twin)).toThrow(/"hospital" is taken/)
  })
})
