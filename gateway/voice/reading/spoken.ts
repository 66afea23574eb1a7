/** What is said, as pieces: the step between a text and its SSML. */

export type Piece =
  /** Words ready to be said; no digits. */
  | { readonly kind: 'text'; readonly text: string }
  /** Letters said one by one. */
  | { readonly kind: 'letters'; readonly text: string }
  /** Written so, said otherwise; `text` has no digits, for engines that do not know `<sub>`. */
  | { readonly kind: 'alias'; readonly text: string; readonly say: string }
  /** A run in another language. */
  | { readonly kind: 'foreign'; readonly text: string; readonly lang: string }
  /** A short rest between groups of digits. */
  | { readonly kind: 'rest' }
  /** End of a sentence. */
  | { readonly kind: 'end' }

/** Numbers a listener may want to write down; more than this is a list, not an answer. */
const MAX_KEY_FACTS = 2

/** Collects pieces; neighbouring text becomes one piece. */
export class SpokenWriter {
  readonly pieces: Piece[] = []
  /** Telephone numbers in spoken groups, for profiles that say them again. */
  readonly phones: (readonly string[])[] = []
  private text = ''

  say(words: string): void {
    this.text += words
  }

  /** English words need a space where two pieces meet. */
  sayWord(word: string): void {
    const isAfterPiece = this.text === '' && (this.pieces.at(-1)?.kind ?? 'end') !== 'end'
    if (isAfterPiece || (this.text !== '' && !/[\s(]$/.test(this.text))) this.text += ' '
    this.text += word
  }

  letters(text: string): void {
    this.push({ kind: 'letters', text })
  }

  alias(text: string, say: string): void {
    if (/[0-9]/.test(text)) this.say(say)
    else this.push({ kind: 'alias', text, say })
  }

  foreign(text: string, lang: string): void {
    this.push({ kind: 'foreign', text, lang })
  }

  end(): void {
    this.flush()
    if (this.pieces.length > 0 && this.pieces.at(-1)?.kind !== 'end')
      this.pieces.push({ kind: 'end' })
  }

  /** Groups of digits with a rest between them. */
  groups(groups: readonly string[], isPhone: boolean): void {
    groups.forEach((group, index) => {
      if (index > 0) this.push({ kind: 'rest' })
      this.say(group)
    })
    if (isPhone && this.phones.length < MAX_KEY_FACTS) this.phones.push(groups)
  }

  finish(): readonly Piece[] {
    this.end()
    return this.pieces
  }

  private push(piece: Piece): void {
    this.flush()
    this.pieces.push(piece)
  }

  private flush(): void {
    if (this.text === '') return
    this.pieces.push({ kind: 'text', text: this.text })
    this.text = ''
  }
}

/** The words alone, as an engine without SSML gets them: letters apart, a space for a rest, a line for a sentence. */
export function spokenWords(pieces: readonly Piece[]): string {
  let words = ''
  for (const piece of pieces) {
    switch (piece.kind) {
      case 'text':
      case 'foreign':
        words += piece.text
        break
      case 'letters':
        words += Array.from(piece.text).join(' ')
        break
      case 'alias':
        words += piece.say
        break
      case 'rest':
        words += ' '
        break
      case 'end':
        words += '\n'
        break
    }
  }
  return words.trimEnd()
}
