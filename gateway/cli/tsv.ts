/** Tables of tab-separated values: UTF-8, a header line, one row a line. */

/** A table that cannot be used; the message names file, line and what to mend. */
export class TsvError extends Error {
  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`)
    this.name = 'TsvError'
  }
}

export interface Table {
  readonly file: string
  readonly columns: readonly string[]
  readonly rows: readonly { readonly line: number; readonly fields: readonly string[] }[]
}

/** What a spreadsheet puts around a field that has a comma or quotes in it; they are doubled inside. */
const QUOTED = /^"((?:[^"]|"")*)"$/
const fieldsOf = (line: string): string[] =>
  line.split('\t').map((field) => QUOTED.exec(field)?.[1]?.replaceAll('""', '"') ?? field)

/** Parses the bytes of a table, without the quotes around its fields. Throws {@link TsvError} with the line. */
export function parseTsv(file: string, bytes: Uint8Array): Table {
  const lines = decode(file, bytes).split(/\r?\n/)
  const [head = ''] = lines
  if (head.trim() === '')
    throw new TsvError(file, 1, 'the header line with the column names is missing')
  const columns = fieldsOf(head).map((name) => name.trim())
  const twice = columns.find((name, i) => columns.indexOf(name) !== i)
  if (twice !== undefined) throw new TsvError(file, 1, `the column "${twice}" is there twice`)
  // In a table of one column an empty line is a row with an empty text, but for the end of the last line.
  const isRow = (text: string, i: number) =>
    text !== '' || (columns.length === 1 && i < lines.length - 1)
  const rows = lines.flatMap((text, i) => {
    if (i === 0 || !isRow(text, i)) return []
    const fields = fieldsOf(text)
    if (fields.length > columns.length) {
      throw new TsvError(
        file,
        i + 1,
        `${fields.length} fields, but the header has ${columns.length}; is there a tab inside a text?`,
      )
    }
    return [{ line: i + 1, fields }]
  })
  return { file, columns, rows }
}

/** Position of a column. Throws {@link TsvError} with the columns that are there. */
export function columnAt({ file, columns }: Table, name: string): number {
  const at = columns.indexOf(name)
  if (at >= 0) return at
  const there = columns.map((column) => `"${column}"`).join(', ')
  throw new TsvError(file, 1, `there is no column "${name}"; the header has ${there}`)
}

function decode(file: string, bytes: Uint8Array): string {
  if (bytes[0] === 0xff || bytes[0] === 0xfe) {
    throw new TsvError(file, 1, 'the file is UTF-16; save it as UTF-8')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new TsvError(file, firstBadLine(bytes), 'not valid UTF-8 (GBK?); save the file as UTF-8')
  }
}

function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let start = 0
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start)
    try {
      decoder.decode(bytes.subarray(start, end < 0 ? bytes.length : end))
    } catch {
      return line
    }
    if (end < 0) return line
    start = end + 1
  }
}
