/** Copies of example questions as a recogniser would have heard them or a hesitant person said them. */
import { INNER_ZH } from './data/fillers.ts'
import { homophones } from './pinyin.ts'
import type { Random } from './random.ts'

/** Share of Han characters misheard: what a poor line or a noisy hall does. */
export const MISHEARD_SHARE = 0.12

const isHan = (unit: number): boolean => unit >= 0x4e00 && unit <= 0x9fff

/** `text` with some characters replaced by others of the same toneless pinyin. */
export function mishear(text: string, random: Random, share = MISHEARD_SHARE): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const others = isHan(unit) && random() < share ? homophones(unit) : ''
    out += others === '' ? text[i] : (others[Math.floor(random() * others.length)] ?? text[i])
  }
  return out
}

/** `text` with one hesitation inside, at any place, as speech has it. */
export function hesitate(text: string, random: Random): string {
  if (text.length < 2) return text
  const at = 1 + Math.floor(random() * (text.length - 1))
  const filler = INNER_ZH[Math.floor(random() * INNER_ZH.length)] ?? ''
  return text.slice(0, at) + filler + text.slice(at)
}

/** English with two letters swapped in one longer word, the commonest slip of typing. */
export function mistype(text: string, random: Random): string {
  const words = text.split(' ')
  const long = words.map((word, i) => (word.length > 4 ? i : -1)).filter((i) => i >= 0)
  const chosen = long[Math.floor(random() * long.length)]
  const word = chosen === undefined ? undefined : words[chosen]
  if (chosen === undefined || word === undefined) return text
  const at = 1 + Math.floor(random() * (word.length - 2))
  words[chosen] = word.slice(0, at) + (word[at + 1] ?? '') + (word[at] ?? '') + word.slice(at + 2)
  return words.join(' ')
}
