/** The port of a speech engine: words in, sound out. Engines are optional; devices speak `ssml` themselves. */

/** What is said in one language at a stretch, or a rest. */
export type Segment =
  | {
      readonly kind: 'words'
      readonly lang: 'zh' | 'en'
      /** zh: pinyin with tone numbers; en: words. No digits that stand for numbers, no markup. */
      readonly words: string
    }
  | { readonly kind: 'rest'; readonly ms: number }

export interface Voicing {
  /** 1 = normal. */
  readonly rate: number
  /** 0–1. */
  readonly volume: number
}

export type EngineState =
  | { readonly kind: 'ready'; readonly version: string }
  /** `detail`: what the operator can do. */
  | { readonly kind: 'missing'; readonly detail: string }

/** Mono, 16 bits, little endian. */
export interface Sound {
  readonly pcm: Buffer
  readonly sampleRateHz: number
}

export interface SpeechEngine {
  readonly name: string
  state(): Promise<EngineState>
  /** Rejects when the engine fails or takes longer than its limit. */
  synthesize(segments: readonly Segment[], voicing: Voicing, signal: AbortSignal): Promise<Sound>
}
