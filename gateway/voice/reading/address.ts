/** Addresses of the web and of mail: what stands around a dot is a name there, and its figures are no amounts. */
import { matchAt } from './scan.ts'

const NAME = '[A-Za-z0-9_-]{1,63}'
/** A name with a dot is an address where it says so or ends as one does; `10mg.Take` lacks a space. */
const ADDRESS = new RegExp(
  `(?:(?:https?://|(?=www\\.))${NAME}(?:\\.${NAME})+` +
    `|${NAME}(?:\\.${NAME})*@${NAME}(?:\\.${NAME})*\\.[A-Za-z]{2,}` +
    `|${NAME}(?:\\.${NAME})*\\.(?:com|cn|org|net|gov|edu|info|io|app|hk|tw|int|eu|uk)(?![A-Za-z0-9]))` +
    '(?:/[A-Za-z0-9_/.-]*)?',
  'y',
)

/** The address that stands at `at`, without its protocol, in words, figures and signs; or undefined. */
export function addressAt(text: string, at: number) {
  const match = matchAt(ADDRESS, text, at)
  if (match === null) return undefined
  const parts = match[0].replace(/^https?:\/\//, '').match(/[A-Za-z]+|\d+|[^A-Za-z0-9]/g) ?? []
  return { parts, end: at + match[0].length }
}
