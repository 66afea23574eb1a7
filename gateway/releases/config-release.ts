/**
 * Configuration that comes down from the cloud core: checked as a whole with the box's own file over it,
 * switched by a rename, put in force as `reload` does, and taken back when that fails.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import type { ReleaseManifest } from '@kefu-edge/cloud-sync/protocol/release'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'
import type { OptionMap } from '../config/option-map.ts'
import { parseReleased, releasedFileOf } from '../config/released-options.ts'
import type { Logger } from '../logger.ts'
import { OWNER_ONLY } from '../storage/secret-file.ts'

export interface ConfigParts {
  readonly dataDir: string
  /** Throws `config.invalid` when the box could not start with these options. */
  check(released: OptionMap): void
  /** Puts in force what takes no restart; the sections that take one. */
  reload(): Promise<{ readonly needsRestart: readonly string[] }>
  readonly logger: Pick<Logger, 'warn'>
}

/** What was in use before a release, and which: written before the switch, so a power cut loses neither. */
interface Before {
  readonly release: string
  readonly text: string
}

/** The newest release counts, whatever its name; a second one replaces the first. */
export function createConfigTarget(parts: ConfigParts): ReleaseTarget {
  const file = releasedFileOf(parts.dataDir)
  const beforeFile = `${file}.previous`
  const staged = new Map<string, string>()

  /** Undefined where the last switch was another release's. */
  function before(manifest: Pick<ReleaseManifest, 'name' | 'serial'>): Before | undefined {
    if (!existsSync(beforeFile)) return undefined
    const kept = JSON.parse(readFileSync(beforeFile, 'utf8')) as Partial<Before>
    return kept.release === nameOf(manifest) ? (kept as Before) : undefined
  }

  return {
    async stage({ name }, content) {
      const text = Buffer.from(content).toString('utf8')
      parts.check(parseReleased(text, `release ${name}`))
      staged.set(name, text)
      return { kind: 'passed' }
    },
    /** After a power cut the new text may be there already; then what was before is not overwritten. */
    async activate(manifest) {
      const text = staged.get(manifest.name)
      if (text === undefined) return
      const inUse = existsSync(file) ? readFileSync(file, 'utf8') : '{}'
      if (!before(manifest)) {
        const kept: Before = { release: nameOf(manifest), text: inUse }
        writeDurably(beforeFile, JSON.stringify(kept), OWNER_ONLY)
      }
      if (inUse !== text) writeDurably(file, text, OWNER_ONLY)
    },
    async test({ name }) {
      const { needsRestart } = await parts.reload()
      staged.delete(name)
      if (needsRestart.length > 0) {
        parts.logger.warn({ name, needsRestart }, 'released options take effect at the next start')
      }
      return { kind: 'passed' }
    },
    async rollback(manifest) {
      const kept = before(manifest)
      if (!kept) return
      writeDurably(file, kept.text, OWNER_ONLY)
      rmSync(beforeFile, { force: true })
      await parts.reload()
    },
  }
}

const nameOf = ({ name, serial }: Pick<ReleaseManifest, 'name' | 'serial'>): string =>
  `${name} ${serial}`
