/** Why a trained model cannot be used. */
export type ModelErrorCode = 'model.corrupt' | 'model.other-version' | 'model.other-packs'

/** Thrown when a model is loaded that is damaged, too new, or trained on another pack. */
export class LanguageModelError extends Error {
  readonly code: ModelErrorCode

  constructor(code: ModelErrorCode, detail: string) {
    super(`${detail} (${code}); train again`)
    this.name = 'LanguageModelError'
    this.code = code
  }
}
