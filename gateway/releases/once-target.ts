/**
 * Releases whose work is done once and never taken back: what was said was said. Nothing of theirs is
 * tested after it; what cannot be done is refused with its reason, and then nothing was.
 *
 * Content of such a release: one JSON value.
 */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import type { ReleaseManifest } from '@kefu-edge/cloud-sync/protocol/release'
import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../errors.ts'
import { invalidMessage } from '../schema-wording.ts'

export interface OnceParts<S extends TSchema> {
  readonly schema: S
  /** Throws what speaks against it at this box, as `device.unknown`; changes nothing. */
  readonly check?: (value: Static<S>) => void
  /**
   * Throws where it was not done. After a power cut it comes again for the same release, and must not do
   * its work twice.
   */
  readonly run: (value: Static<S>, manifest: ReleaseManifest) => Promise<unknown>
}

export function createOnceTarget<S extends TSchema>(parts: OnceParts<S>): ReleaseTarget {
  const staged = new Map<string, Static<S>>()
  return {
    async stage({ name }, content) {
      const value = parse(parts.schema, content)
      parts.check?.(value)
      staged.set(name, value)
      return { kind: 'passed' }
    },
    async activate(manifest) {
      const value = staged.get(manifest.name)
      if (value === undefined) return
      await parts.run(value, manifest)
      staged.delete(manifest.name)
    },
    test: async () => ({ kind: 'passed' }),
    rollback: async () => {},
  }
}

/** Throws `message.not-json`, `message.invalid`. */
function parse<S extends TSchema>(schema: S, content: Uint8Array): Static<S> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(content).toString('utf8'))
  } catch (cause) {
    throw new GatewayError('message.not-json', { cause })
  }
  if (Value.Check(schema, value)) return value
  throw invalidMessage(Value.Errors(schema, value).First(), { what: 'the content' })
}
