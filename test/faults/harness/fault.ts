/** What a fault is, and what it has in hand. */
import type { Random } from '../seeded-random.ts'
import type { Load } from './devices.ts'
import type { Shim } from './shim.ts'
import type { Site } from './site.ts'

export interface Scene {
  readonly site: Site
  readonly random: Random
  readonly load: Load
  /**
   * The fault took effect so many times: a process was killed, bytes were lost, a write was refused. Over
   * a run each fault must, or its rounds show nothing.
   */
  bit(times: number): void
  /**
   * Persons who were erased for good, and what they had asked by then: refused from now on. What they ask
   * afterwards, or meanwhile, may be answered.
   */
  readonly erased: Map<string, ReadonlySet<string>>
}

export interface Fault {
  readonly name: string
  /** In one line, for the operator. */
  readonly what: string
  /** `library`: power-cut.c is preloaded; `disk`: the site lies on a small file system of its own. */
  readonly needs?: 'library' | 'disk'
  /** Problems and reason codes with which the gateway may refuse meanwhile; otherwise nothing is refused. */
  readonly mayRefuse?: (code: string) => boolean
  /** It may find nothing to take in a round, but hardly in three. */
  readonly mayMiss?: boolean
  /** The box goes on from a backup: the core may have an end that the box lost. */
  readonly isRestoring?: boolean
  /** Bits flipped in the record at rest when the round is over; a few in every round. */
  readonly flips?: number
  /** Leaves the site repaired; resolves with what broke meanwhile, in words. */
  inject(scene: Scene): Promise<readonly string[]>
}

export const NOTHING_BROKE: readonly string[] = []
/** Where nothing can be kept. */
export const ANYTHING = (): boolean => true

/** Whole, uniform from `from` up to and without `to`. */
export const between = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from))

export function shimsOf(site: Site): { readonly gateway: Shim; readonly core: Shim } {
  if (!site.shims) throw new Error('this fault needs the preloaded library')
  return site.shims
}
