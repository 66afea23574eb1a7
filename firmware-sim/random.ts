/** Chance that repeats: the same seed gives the same run. */
export type Random = () => number

/**
 * Numbers from 0 up to 1, by mulberry32 (Tommy Ettinger, public domain): 32 bits of state are plenty
 * for what a simulator draws.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A stream of its own for each name, so that a new device does not change what the others draw. */
export function randomFor(seed: number, name: string): Random {
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return seededRandom(hash)
}

/** One of the list; undefined when it is empty. */
export const pick = <T>(random: Random, list: readonly T[]): T | undefined =>
  list[Math.floor(random() * list.length)]
