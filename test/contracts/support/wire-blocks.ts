/** The `wire` blocks of CONTRACT.md, as bytes. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export const EXAMPLE_TOKEN = 'kd_EXAMPLEexampleEXAMPLE012345'
export const EXAMPLE_CLAIM = '7KQ4M-2XW9R'
export const EXAMPLE_DEVICE = 'bed-12'
const PAGE = resolve(import.meta.dirname, '../../../device-sdk/CONTRACT.md')

export interface WireBlock {
  readonly conversation: string
  readonly packet: string
  readonly direction: 'send' | 'receive'
  /** Everything else of the info string. */
  readonly attributes: ReadonlyMap<string, string>
  readonly text: string
  /** Where it stands, for messages. */
  readonly line: number
}

export function readWireBlocks(): WireBlock[] {
  const blocks: WireBlock[] = []
  const lines = readFileSync(PAGE, 'utf8').split('\n')
  for (let i = 0; i < lines.length; i++) {
    const info = /^```wire (.*)$/.exec(lines[i] ?? '')?.[1]
    if (info === undefined) continue
    const end = lines.indexOf('```', i)
    const attributes = new Map(
      info.split(' ').map((pair) => {
        const [key = '', ...value] = pair.split('=')
        return [key, value.join('=')]
      }),
    )
    blocks.push({
      conversation: attributes.get('conversation') ?? '',
      packet: attributes.get('packet') ?? '',
      direction: attributes.get('direction') === 'send' ? 'send' : 'receive',
      attributes,
      text: lines.slice(i + 1, end).join('\n'),
      line: i + 1,
    })
    i = end
  }
  return blocks
}

/** Bytes of a dump: sixteen a line in hexadecimal, then the same as ASCII between bars. */
export function dumpBytes(text: string): Buffer {
  const rows = text.split('\n').filter((row) => row !== '')
  return Buffer.concat(
    rows.map((row) => {
      const [hex = '', ascii = ''] = [row.slice(0, 48), row.slice(49, -1)]
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
      const shown = [...bytes].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.'))
      if (shown.join('') !== ascii) throw new Error(`the ASCII of "${row}" does not fit its bytes`)
      return bytes
    }),
  )
}

/** The text of an HTTP message as bytes, lines ending in CR LF, the body as it stands. */
export function httpBytes(text: string): Buffer {
  const [head = '', ...body] = text.split('\n\n')
  return Buffer.from(`${head.replaceAll('\n', '\r\n')}\r\n\r\n${body.join('\n\n')}`)
}

/** Puts a real secret of the same length in the place of the example's. */
export function withSecret(bytes: Buffer, example: string, secret: string): Buffer {
  const at = bytes.indexOf(example)
  if (at < 0) return bytes
  if (secret.length !== example.length) throw new Error(`${example} has a wrong length`)
  const copy = Buffer.from(bytes)
  copy.write(secret, at)
  return copy
}
