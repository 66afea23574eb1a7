/**
 * Packs that come down from the cloud core: written beside, read and checked like any other, installed
 * whole, and taken back when their own questions fail.
 *
 * Content of a release: a JSON object, path inside the pack folder → text of the file.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ReleaseTarget, Verdict } from '@kefu-edge/cloud-sync/install-release'
import { GatewayError } from '../errors.ts'
import type { Library } from './library.ts'
import type { Pack } from './pack-schema.ts'
import { runPackTests } from './pack-tests.ts'
import { readPack } from './read-pack.ts'

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
    const read = readPack(dirOf(name))
    if (!read.ok) throw new GatewayError('pack.invalid', { detail: describe(read.problems) })
    if (read.pack.manifest.pack !== name) {
      throw new GatewayError('pack.invalid', {
        detail: `the release is named "${name}", its pack "${read.pack.manifest.pack}"`,
      })
    }
    return read.pack
  }

  return {
    async stage({ name }, content) {
      try {
        writeFiles(dirOf(name), content)
        await library.check(readStaged(name))
        return { kind: 'passed' }
      } catch (error) {
        return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
      }
    },
    async activate({ name }) {
      await library.install(readStaged(name))
    },
    async test({ name }): Promise<Verdict> {
      const pack = readStaged(name)
      const { score, total, right } = await runPackTests(pack, library.engine)
      const minimum = pack.manifest.minimumTestScore ?? 0
      if (score >= minimum) return { kind: 'passed' }
      return {
        kind: 'failed',
        reason: `${right} of ${total} of its own questions right, ${minimum} needed`,
      }
    },
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

const describe = (problems: readonly { file: string; line?: number; message: string }[]): string =>
  problems
    .slice(0, 5)
    .map((one) => `${one.file}${one.line ? `:${one.line}` : ''} ${one.message}`)
    .join('; ')
