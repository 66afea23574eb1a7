/**
 * A trained model as bytes: magic, version, CRC-32 of the rest, then deflated sections.
 *
 *   0  4  "KFLM"
 *   4  4  format version, little endian
 *   8  4  CRC-32 of everything after it
 *  12  …  raw deflate of: [4-byte length, JSON header], then the arrays named in the header, in order,
 *         each starting at a multiple of 8
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { FeatureOptions } from './features.ts'
import { LanguageModelError } from './model-error.ts'
import { type Network, rowsOf } from './network.ts'
import type { Classifier, Decision, QuestionModel, StoredQuestion } from './question-model.ts'
import { createVocabulary } from './vocabulary.ts'
import { MEANING_WIDTH } from './word-vectors.ts'

const FORMAT_VERSION = 5
const MAGIC = 0x4d4c464b
const PREFIX = 12
/** No model of ours inflates to more; a larger one is damage or an attack. */
const MAX_INFLATED = 512 * 1024 * 1024

/** Everything that a model file may hold. */
export interface ModelContent {
  readonly model: QuestionModel
  /** Stored questions, where they do not come from packs. */
  readonly questions?: readonly StoredQuestion[]
  /** Whoever trained it: task, digests of packs … */
  readonly about: Readonly<Record<string, unknown>>
}

interface Header {
  readonly labels: readonly string[]
  readonly outOfScope?: number
  readonly decision: Decision
  readonly about: Readonly<Record<string, unknown>>
  readonly questions?: readonly StoredQuestion[]
  readonly classifier?: {
    readonly features: FeatureOptions
    readonly viewWeights: readonly number[]
    readonly sharpness: number
    readonly classes: number
    readonly columns: number
    readonly share: number
    readonly networks: readonly NetworkHeader[]
  }
}

interface NetworkHeader {
  readonly units: number
  readonly columns: number
  readonly share: number
}

const pad = (length: number): number => Math.ceil(length / 8) * 8

/** Bytes of a model; the same model gives the same bytes. */
export function writeModel(content: ModelContent): Uint8Array {
  const { model, questions, about } = content
  const { classifier } = model
  const header: Header = {
    labels: model.labels,
    ...(model.outOfScope === undefined ? {} : { outOfScope: model.outOfScope }),
    decision: model.decision,
    about,
    ...(questions ? { questions } : {}),
    ...(classifier
      ? {
          classifier: {
            features: classifier.features,
            viewWeights: classifier.viewWeights,
            sharpness: classifier.linear.sharpness,
            classes: classifier.linear.classes,
            columns: classifier.vocabulary.hashes.length,
            share: classifier.linear.share,
            networks: classifier.linear.networks.map(({ units, columns, share }) => {
              return { units, columns: columns.length, share }
            }),
          },
        }
      : {}),
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const parts: ArrayBufferView[] = classifier
    ? [
        classifier.vocabulary.hashes,
        classifier.vocabulary.idf,
        classifier.linear.scales,
        classifier.linear.biases,
        classifier.linear.weights,
        ...classifier.linear.networks.flatMap((network) => [
          network.columns,
          network.input,
          network.inputScales,
          network.inputBiases,
          network.output,
          network.outputBiases,
        ]),
      ]
    : []
  const size = parts.reduce((sum, part) => sum + pad(part.byteLength), pad(4 + json.length))
  const body = new Uint8Array(size)
  new DataView(body.buffer).setUint32(0, json.length, true)
  body.set(json, 4)
  let at = pad(4 + json.length)
  for (const part of parts) {
    body.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at)
    at += pad(part.byteLength)
  }
  return frame(deflateRawSync(body, { level: 6 }))
}

function frame(deflated: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREFIX + deflated.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, FORMAT_VERSION, true)
  view.setUint32(8, crc32(deflated), true)
  bytes.set(deflated, PREFIX)
  return bytes
}

/** Reads what {@link writeModel} wrote; throws {@link LanguageModelError} on anything else. */
export function readModel(bytes: Uint8Array): ModelContent {
  const body = unframe(bytes)
  const length = new DataView(body.buffer).getUint32(0, true)
  let header: Header
  try {
    header = JSON.parse(new TextDecoder().decode(body.subarray(4, 4 + length))) as Header
  } catch {
    throw new LanguageModelError('model.corrupt', 'The header of the language model is unreadable')
  }
  const { about, questions } = header
  const model: QuestionModel = {
    labels: header.labels,
    decision: header.decision,
    ...(header.outOfScope === undefined ? {} : { outOfScope: header.outOfScope }),
    ...(header.classifier
      ? { classifier: readClassifier(header.classifier, body, pad(4 + length)) }
      : {}),
  }
  return { model, about, ...(questions ? { questions } : {}) }
}

function unframe(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < PREFIX || view.getUint32(0, true) !== MAGIC) {
    throw new LanguageModelError('model.corrupt', 'These bytes are no language model')
  }
  const version = view.getUint32(4, true)
  if (version !== FORMAT_VERSION) {
    throw new LanguageModelError(
      'model.other-version',
      `The language model has format ${version}, this program reads ${FORMAT_VERSION}`,
    )
  }
  const deflated = bytes.subarray(PREFIX)
  if (view.getUint32(8, true) !== crc32(deflated)) {
    throw new LanguageModelError('model.corrupt', 'The language model is damaged')
  }
  try {
    const inflated = inflateRawSync(deflated, { maxOutputLength: MAX_INFLATED })
    return new Uint8Array(inflated)
  } catch {
    throw new LanguageModelError('model.corrupt', 'The language model cannot be inflated')
  }
}

function readClassifier(
  header: NonNullable<Header['classifier']>,
  body: Uint8Array<ArrayBuffer>,
  start: number,
): Classifier {
  const { classes, columns, features, viewWeights, sharpness, share } = header
  let at = start
  const take = (bytes: number): number => {
    const from = at
    at += pad(bytes)
    if (at > body.length) {
      throw new LanguageModelError('model.corrupt', 'The language model is cut short')
    }
    return from
  }
  const width = columns + MEANING_WIDTH
  const hashes = new Uint32Array(body.buffer, take(columns * 4), columns)
  const idf = new Float32Array(body.buffer, take(columns * 4), columns)
  const scales = new Float32Array(body.buffer, take(classes * 4), classes)
  const biases = new Float32Array(body.buffer, take(classes * 4), classes)
  const weights = new Int8Array(body.buffer, take(width * classes), width * classes)
  const networks = header.networks.map((network): Network => {
    const { units, columns: rows } = network
    const seen = new Int32Array(body.buffer, take(rows * 4), rows)
    return {
      units,
      share: network.share,
      columns: seen,
      rowOf: rowsOf(seen, width),
      input: new Int8Array(body.buffer, take(rows * units), rows * units),
      inputScales: new Float32Array(body.buffer, take(units * 4), units),
      inputBiases: new Float32Array(body.buffer, take(units * 4), units),
      output: new Float32Array(body.buffer, take(classes * units * 4), classes * units),
      outputBiases: new Float32Array(body.buffer, take(classes * 4), classes),
    }
  })
  return {
    features,
    viewWeights,
    vocabulary: createVocabulary(hashes, idf),
    linear: { classes, weights, scales, biases, share, networks, sharpness },
  }
}
