/**
 * The abstract suites of aedes-persistence and mqemitter, run by node:test in a process of its own:
 * `abstract-suites.test.ts` starts it and reads the outcome.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { RouteEmitter } from '../../../../../gateway/channels/mqtt/aedes/emitter.ts'
import { AedesPersistence } from '../../../../../gateway/channels/mqtt/aedes/persistence.ts'
import { MQTT_SYNTAX, TopicTrie } from '../../../../../gateway/channels/mqtt/routing/topic-trie.ts'
import { openStore } from '../../../../../gateway/storage/store.ts'

const require = createRequire(import.meta.url)

interface MqOptions {
  matchEmptyLevels?: boolean
  separator?: string
  wildcardOne?: string
  wildcardSome?: string
}

function buildEmitter(options: MqOptions = {}): RouteEmitter<{ topic: string }> {
  const routes = new TopicTrie<never>({
    ...MQTT_SYNTAX,
    separator: options.separator ?? '/',
    one: options.wildcardOne ?? '+',
    rest: options.wildcardSome ?? '#',
    matchesEmptyLevels: options.matchEmptyLevels ?? true,
  })
  return new RouteEmitter({
    routes: {
      add: (filter, listener) => routes.add(filter, listener as never),
      remove: (filter, listener) => routes.remove(filter, listener as never),
      match: (topic) => routes.match(topic),
    },
  })
}

if (process.env.SUITE === 'mqemitter') {
  require('mqemitter/abstractTest.js')({ builder: buildEmitter, test })
} else {
  require('aedes-persistence/abstract.js')({
    test,
    testAsync: true,
    persistence: () => {
      const folder = mkdtempSync(join(tmpdir(), 'kefu-aedes-'))
      process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
      const store = openStore({ path: join(folder, 'kefu.db'), synchronous: 'OFF' })
      return new AedesPersistence({ store })
    },
  })
}
