/** What the cloud core is shown of the sealed part. It is never part of the leaf, so erasing it there leaves the proof whole. */
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { maskValue } from './data-classes.ts'
import { decodeLeaf, decodeSealed, encodeMap } from './entry-codec.ts'
import { maskMiddle } from './masking.ts'
import type { Disclosure, Json } from './port.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** Of a subject's id the last characters stay, so that a person at the core can compare. */
const SUBJECT_TAIL = 3

/**
 * A function from leaf to MessagePack map `{ subject?, person?, personal }`; undefined where there is nothing to
 * show. `person` is a keyed hash of the subject: his erasure names it, for what lies at the core under keys
 * that the box has lost with a restore.
 */
export function disclosing(
  disclosure: Disclosure,
  keys: Pick<SubjectKeys, 'open' | 'tagOf'>,
): (bytes: Uint8Array) => Uint8Array | undefined {
  if (disclosure === 'none') return () => undefined
  return (bytes) => {
    const leaf = decodeLeaf(bytes)
    if (leaf?.key === undefined || !leaf.sealed) return undefined
    const plain = keys.open(leaf.key, leaf.sealed)
    const part = plain && decodeSealed(plain)
    if (!part) return undefined
    const { subject, personal } = part
    const isFull = disclosure === 'full'
    const shown: { [key: string]: Json | undefined } = {
      personal: isFull ? personal : maskValue(personal),
    }
    if (subject) {
      const { kind, id } = subject
      shown.subject = { kind, id: isFull ? id : maskMiddle(id, 0, SUBJECT_TAIL) }
      shown.person = personOf(subject, keys)
    }
    return encodeMap(shown)
  }
}

/** As a person is called in what the core is shown and in the entry of his erasure; 32 hexadecimal digits. */
export const personOf = (who: Subject, keys: Pick<SubjectKeys, 'tagOf'>): string =>
  keys.tagOf(who).toString('hex')
