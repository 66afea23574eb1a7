/** Room that many share: so much over all, and so much of it for one of them. */
import { CloudError } from '../errors.ts'

export interface Room {
  /** Throws `core.busy` where it is not there; then nothing was taken. */
  take(whose: string, amount: number): void
  give(whose: string, amount: number): void
}

export function createRoom(limits: { readonly total: number; readonly ofOne: number }): Room {
  const taken = new Map<string, number>()
  let total = 0
  return {
    take(whose, amount) {
      const ofOne = (taken.get(whose) ?? 0) + amount
      if (total + amount > limits.total || ofOne > limits.ofOne) throw new CloudError('core.busy')
      total += amount
      taken.set(whose, ofOne)
    },
    give(whose, amount) {
      total -= amount
      const left = (taken.get(whose) ?? 0) - amount
      if (left > 0) taken.set(whose, left)
      else taken.delete(whose)
    },
  }
}
