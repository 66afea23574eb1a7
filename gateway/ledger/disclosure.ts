/** What the cloud core is shown of the sealed part. It is never part of the leaf, so erasing it there leaves the proof whole. */
import { maskValue } from './data-classes.ts'
import { decodeLeaf, decodeSealed, encodeMap } from './entry-codec.ts'
import { maskMiddle } from './masking.ts'
import type { Disclosure, Json } from './port.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** Of a subject's id the last characters stay, so that a person at the core can compare. */
const SUBJECT_TAIL = 3

/** A function from leaf to MessagePack map `{ subject?, personal }`; undefined where there is nothing to show. */
export function disclosing(
  disclosure: Disclosure,
  keys: Pick<SubjectKeys, 'open'>,
): (bytes: Uint8Array) => Uint8Array | undefined {
  if (disclosure === 'none') return () => undefined
  return (bytes) => {
    const leaf = decodeLeaf(bytes)
    if (leaf?.key === undefined || !leaf.sealed) return undefined
    const plain = keys.open(leaf.key, leaf.sealed)
    if (!plain || disclosure === 'full') return plain
    const part = decodeSealed(plain)
    if (!part) return undefined
    const { subject } = part
    const masked: { [key: string]: Json | undefined } = { personal: maskValue(part.personal) }
    if (subject) {
      masked.subject = { kind: subject.kind, id: maskMiddle(subject.id, 0, SUBJECT_TAIL) }
    }
    return encodeMap(masked)
  }
}
