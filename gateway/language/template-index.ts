/** Finds the few templates that a text may fit: a pack of red flags has hundreds, and one fits at most. */
import type { TemplateNode } from './templates.ts'

/** Longer pieces of text choose no better. */
const MAX_PIECE = 4

interface Indexed {
  readonly node: TemplateNode
}

/**
 * For a text, the templates of which it has a piece that they cannot do without, in the order given. What
 * is left out does not fit; what is found still has to be matched.
 */
export function indexTemplates<T extends Indexed>(
  templates: readonly T[],
): (text: string) => readonly T[] {
  const byPiece = new Map<string, number[]>()
  const always: number[] = []
  templates.forEach(({ node }, number) => {
    const pieces = neededPieces(node)
    if (!pieces) always.push(number)
    for (const piece of new Set(pieces)) {
      const known = byPiece.get(piece)
      if (known) known.push(number)
      else byPiece.set(piece, [number])
    }
  })
  return (text) => {
    const numbers = new Set(always)
    for (const piece of piecesOf(squeeze(text))) {
      for (const number of byPiece.get(piece) ?? []) numbers.add(number)
    }
    return [...numbers].sort((a, b) => a - b).flatMap((number) => templates[number] ?? [])
  }
}

/** White space means nothing to a template. */
const squeeze = (text: string): string => text.replaceAll(' ', '')

function* piecesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) {
    for (let length = 1; length <= MAX_PIECE && at + length <= text.length; length++) {
      yield text.slice(at, at + length)
    }
  }
}

/** Pieces of which every text that fits has at least one; undefined where there are none. */
function neededPieces(node: TemplateNode): readonly string[] | undefined {
  switch (node.kind) {
    case 'slot':
      return undefined
    case 'text': {
      const text = squeeze(node.text)
      return text === '' ? undefined : [text.slice(0, MAX_PIECE)]
    }
    case 'choice': {
      const options = node.options.map(neededPieces)
      return options.every((option) => option !== undefined) ? options.flat() : undefined
    }
    case 'sequence':
      return node.items
        .map(neededPieces)
        .reduce((best, next) => (weightOf(next) > weightOf(best) ? next : best), undefined)
  }
}

/** Long pieces, and of equally long ones few, are found in few texts by chance. */
const weightOf = (pieces: readonly string[] | undefined): number =>
  pieces ? Math.min(...pieces.map((piece) => piece.length)) + 1 / pieces.length : 0
