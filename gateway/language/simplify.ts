/** Traditional to simplified Chinese, character by character. */
import { SIMPLIFIED, TRADITIONAL } from './data/traditional-table.ts'

const toSimple = buildTable()

function buildTable(): Uint16Array {
  const table = new Uint16Array(0x10000)
  const from = TRADITIONAL.replaceAll('\n', '')
  const to = SIMPLIFIED.replaceAll('\n', '')
  for (let i = 0; i < from.length; i++) table[from.charCodeAt(i)] = to.charCodeAt(i)
  return table
}

/** `text` with every traditional character replaced; the same string when there is none. */
export function toSimplified(text: string): string {
  let out = ''
  let kept = 0
  for (let i = 0; i < text.length; i++) {
    const simple = toSimple[text.charCodeAt(i)] ?? 0
    if (simple === 0) continue
    out += text.slice(kept, i) + String.fromCharCode(simple)
    kept = i + 1
  }
  return kept === 0 ? text : out + text.slice(kept)
}
