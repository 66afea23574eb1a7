/** Words for people on a terminal, Chinese and English side by side, from a data file of this room. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { packagePath } from '../paths.ts'

interface Words {
  readonly zh: string
  readonly en: string
}

/** `label(name)` gives "中文 English"; a name that the file does not have is shown as it is. */
export function loadLabels(file: string): (name: string) => string {
  const words = parse(readFileSync(packagePath(`cli/data/${file}`), 'utf8')) as Readonly<
    Record<string, Words>
  >
  return (name) => {
    const found = words[name]
    return found ? `${found.zh} ${found.en}` : name
  }
}

/** Columns a text takes on a terminal: Chinese characters and full-width signs take two. */
export const widthOf = (text: string): number =>
  [...text].reduce(
    (sum, letter) =>
      sum +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        letter,
      )
        ? 2
        : 1),
    0,
  )

/** Pads to a width in columns; `fromLeft` puts the spaces before the text, for figures. */
export function pad(text: string, columns: number, fromLeft = false): string {
  const spaces = ' '.repeat(Math.max(0, columns - widthOf(text)))
  return fromLeft ? spaces + text : text + spaces
}
