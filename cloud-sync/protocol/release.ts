/**
 * What comes down: packs, configuration, desired twins, commands, announcements, each a release.
 *
 * A release is a manifest, signed by the core's publisher key as the very bytes that travel, and a content
 * that the manifest names by SHA-256. Serials only rise, so nothing old can be played again.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { type Parsed, parseJson } from './parse.ts'

export const ReleaseKind = Type.Union([
  Type.Literal('pack'),
  Type.Literal('config'),
  Type.Literal('twin'),
  Type.Literal('command'),
  Type.Literal('announcement'),
])
export type ReleaseKind = Static<typeof ReleaseKind>

/** Small and of the moment: these wait neither for a bandwidth window nor behind a pack. */
export const URGENT_KINDS: ReadonlySet<ReleaseKind> = new Set(['twin', 'command', 'announcement'])

/** Content after unpacking: a pack of 2,000 intents is about 2 MB. */
export const MAX_RELEASE_BYTES = 16 * 1024 * 1024

const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' })
const Serial = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })

export const ReleaseManifest = Type.Object({
  v: Type.Literal(1),
  kind: ReleaseKind,
  /** Name of the pack, configuration or twin; id of the command or announcement. */
  name: Name,
  /** Rises with each release of this kind and name. */
  serial: Serial,
  /** The version that people see. */
  label: Type.String({ maxLength: 64 }),
  issuedAtMs: Type.Number(),
  /** Not begun with after this. */
  expiresAtMs: Type.Number(),
  bytes: Type.Integer({ minimum: 0, maximum: MAX_RELEASE_BYTES }),
  sha256: Sha256,
  /** Absent: for every gateway. */
  gateways: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 10_000 })),
})
export type ReleaseManifest = Static<typeof ReleaseManifest>

export const SignedRelease = Type.Object({
  /** Base64 of the JSON of the manifest: the bytes that are signed. */
  manifest: Type.String({ maxLength: 1_000_000 }),
  signature: Type.String({ maxLength: 88 }),
})
export type SignedRelease = Static<typeof SignedRelease>

export const ReleaseOutcome = Type.Union([
  Type.Literal('active'),
  Type.Literal('refused'),
  Type.Literal('rolled-back'),
])
export type ReleaseOutcome = Static<typeof ReleaseOutcome>

/** What one request tells of: above this only the rest of it is left out. */
export const MAX_SETTLED = 10_000

/** Code of a refusal by a box that has no device which the release concerns: no fault of the release. */
export const NOTHING_HERE = 'device.unknown'

/** `POST /v1/gateways/{id}/releases`: what this gateway has settled, answered with what is new for it. */
export const ReleasesRequest = Type.Object({
  settled: Type.Array(
    Type.Object({
      kind: ReleaseKind,
      name: Name,
      serial: Serial,
      /** Of the content: a core that was put back from a copy gives serials out again. */
      sha256: Type.Optional(Sha256),
      outcome: ReleaseOutcome,
      reason: Type.Optional(Type.String({ maxLength: 400 })),
      /** Of what refused it, where that has one. */
      code: Type.Optional(Type.String({ maxLength: 64 })),
    }),
    { maxItems: MAX_SETTLED },
  ),
  /** Kinds that are taken now; the others would only fill the answer. Absent: all. */
  kinds: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 32 })),
})
export type ReleasesRequest = Static<typeof ReleasesRequest>

/** Whether it is the same release; a side that does not say its digest is believed by the serial alone. */
export const isSameContent = (one: string | undefined, other: string | undefined): boolean =>
  one === undefined || other === undefined || one === other

export const ReleasesAnswer = Type.Object({
  releases: Type.Array(SignedRelease, { maxItems: 1000 }),
})
export type ReleasesAnswer = Static<typeof ReleasesAnswer>

/** `GET …/releases/{kind}/{name}/{serial}?base=N`, MessagePack: all of it, or a delta where that is smaller. */
export const ReleaseContent = Type.Union([
  Type.Object({ form: Type.Literal('full'), gzip: Type.Uint8Array() }),
  Type.Object({ form: Type.Literal('delta'), base: Serial, gzip: Type.Uint8Array() }),
])
export type ReleaseContent = Static<typeof ReleaseContent>

/** Kept apart from other uses of the key. */
const CONTEXT = Buffer.from('kefu-release/v1\n')

export function signRelease(manifest: ReleaseManifest, publisherKey: KeyObject): SignedRelease {
  const bytes = Buffer.from(JSON.stringify(manifest))
  const signature = sign(null, Buffer.concat([CONTEXT, bytes]), publisherKey)
  return { manifest: bytes.toString('base64'), signature: signature.toString('base64') }
}

/** Checks the signature before it reads a word of the manifest. */
export function openRelease(
  release: SignedRelease,
  publisherKey: KeyObject,
): Parsed<ReleaseManifest> {
  const bytes = Buffer.from(release.manifest, 'base64')
  const signature = Buffer.from(release.signature, 'base64')
  if (!verify(null, Buffer.concat([CONTEXT, bytes]), publisherKey, signature)) {
    return { ok: false, detail: 'the signature is not of the pinned publisher key' }
  }
  return parseJson(ReleaseManifest, bytes)
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
