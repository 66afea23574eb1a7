/**
 * Configuration that comes down from the cloud core: checked as a whole with the box's own file over it,
 * switched by a rename, put in force as `reload` does, and taken back when that fails.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import type { OptionMap } from '../config/option-map.ts'
import { parseReleased, releasedFileOf } from '../config/released-options.ts'
import { writeDurably } from '../ledger/key-files.ts'
import type { Logger } from '../logger.ts'

const OWNER_ONLY = 0o600

export interface ConfigParts {
  readonly dataDir: string
  /** Throws `config.invalid` when the box could not start with these options. */
  check(released: OptionMap): void
  /** Puts in force what takes no restart; the sections that take one. */
  reload(): Promise<{ readonly needsRestart: readonly string[] }>
  readonly logger: Pick<Logger, 'warn'>
}

/** The newest release counts, whatever its name; a second one replaces the first. */
export function createConfigTarget(parts: ConfigParts): ReleaseTarget {
  const file = releasedFileOf(parts.dataDir)
  const previous = `${file}.previous`
  const staged = new Map<string, string>()

  return {
    async stage({ name }, content) {
      const text = Buffer.from(content).toString('utf8')
      parts.check(parseReleased(text, `release ${name}`))
      staged.set(name, text)
      return { kind: 'passed' }
    },
    /** After a power cut the new text may be there already; then what was before is not overwritten. */
    async activate({ name }) {
      const text = staged.get(name)
      if (text === undefined) return
      const inUse = existsSync(file) ? readFileSync(file, 'utf8') : '{}'
      if (inUse === text) return
      writeDurably(previous, inUse, OWNER_ONLY)
      writeDurably(file, text, OWNER_ONLY)
    },
    async test({ name }) {
      const { needsRestart } = await parts.reload()
      staged.delete(name)
      if (needsRestart.length > 0) {
        parts.logger.warn({ name, needsRestart }, 'released options take effect at the next start')
      }
      return { kind: 'passed' }
    },
    async rollback() {
      const before = existsSync(previous) ? readFileSync(previous, 'utf8') : '{}'
      writeDurably(file, before, OWNER_ONLY)
      rmSync(previous, { force: true })
      await parts.reload()
    },
  }
}
