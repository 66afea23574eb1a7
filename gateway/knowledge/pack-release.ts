/**
 * Packs that come down from the cloud core: written beside, read, checked and tried on their own questions
 * like any other, and installed whole.
 *
 * Content of a release: a JSON object, path inside the pack folder → text of the file.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import { GatewayError } from '../errors.ts'
import type { Library } from './library.ts'
import type { Pack } from './pack-schema.ts'
import { readValidPack } from './read-pack.ts'

/** Paths a pack may hold; nothing of a release is written anywhere else. */
const PACK_PATH = /^(pack|facts)\.yaml$|^(intents|lists|tests)\/[A-Za-z0-9_-]{1,64}\.ya?ml$/

export function createPackTarget(parts: {
  readonly library: Library
  /** A folder of the box's own, for what is staged. */
  readonly folder: string
}): ReleaseTarget {
  const { library, folder } = parts
  const dirOf = (name: string) => join(folder, name)

  function readStaged(name: string): Pack {
    const pack = readValidPack(dirOf(name))
    if (pack.manifest.pack === name) return pack
    throw new GatewayError('pack.invalid', {
      detail: `the release is named "${name}", its pack "${pack.manifest.pack}"`,
    })
  }

  return {
    async stage({ name }, content) {
      writeFiles(dirOf(name), content)
      await library.check(readStaged(name))
      return { kind: 'passed' }
    },
    async activate({ name }) {
      await library.install(readStaged(name))
    },
    // No pack is installed that is wrong about too many of its own questions: they were asked before the switch.
    test: async () => ({ kind: 'passed' }),
    async rollback({ name }) {
      await library.rollback(name)
    },
  }
}

function writeFiles(dir: string, content: Uint8Array): void {
  const files: unknown = JSON.parse(Buffer.from(content).toString('utf8'))
  if (typeof files !== 'object' || files === null) throw new TypeError('not a map of files')
  rmSync(dir, { recursive: true, force: true })
  for (const [path, text] of Object.entries(files)) {
    if (!PACK_PATH.test(path) || typeof text !== 'string')
      throw new TypeError(`not a file of a pack: ${path.slice(0, 100)}`)
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
}
