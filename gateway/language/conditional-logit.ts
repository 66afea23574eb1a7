/**
 * Learns to put the right one of several first (conditional logit): only differences within one question
 * count, so that pairs of questions that mean nearly the same teach as much as their words allow, and a
 * question that is easy teaches nothing.
 */
import { type Logistic, logOdds } from './logistic.ts'
import { descend, solve } from './newton.ts'

/** What one question could be answered by. */
export interface Choice {
  readonly options: readonly { readonly figures: Float32Array; readonly isRight: boolean }[]
  readonly weight: number
}

export interface ChoiceOptions {
  /** Pull towards the prior. */
  readonly ridge: number
  readonly prior: Logistic
}

const STEPS = 12

/** Weights under which the right options score highest; the bias is the prior's, as none is learned. */
export function fitChoice(choices: readonly Choice[], options: ChoiceOptions): Logistic {
  const width = options.prior.weights.length - 1
  const weights = descend(options.prior.weights, {
    steps: STEPS,
    precision: 1e-3,
    lossOf: (at) => lossOf(choices, at, options),
    stepOf: (at) => newtonStep(choices, at, width, options),
  })
  return { weights }
}

/** Probability of each option, and of the right ones among themselves. */
function weighOptions({ options }: Choice, weights: readonly number[]) {
  const scores = options.map(({ figures }) => logOdds({ weights }, figures))
  const highest = Math.max(...scores)
  const odds = scores.map((score) => Math.exp(score - highest))
  const all = odds.reduce((sum, one) => sum + one, 0)
  const right = odds.reduce((sum, one, i) => sum + (options[i]?.isRight ? one : 0), 0)
  return { odds, all, right }
}

function lossOf(
  choices: readonly Choice[],
  weights: readonly number[],
  { ridge, prior }: ChoiceOptions,
): number {
  let loss = 0
  for (let i = 0; i < weights.length - 1; i++) {
    loss += 0.5 * ridge * ((weights[i] ?? 0) - (prior.weights[i] ?? 0)) ** 2
  }
  for (const choice of choices) {
    const { all, right } = weighOptions(choice, weights)
    loss += choice.weight * Math.log(all / Math.max(right, 1e-300))
  }
  return loss
}

/** The curve of the right options among themselves is left out, so that a step always leads downhill. */
function newtonStep(
  choices: readonly Choice[],
  weights: readonly number[],
  width: number,
  { ridge, prior }: ChoiceOptions,
): number[] {
  const gradient = new Float64Array(width)
  const hessian = Array.from({ length: width }, (_, i) => {
    gradient[i] = ridge * ((weights[i] ?? 0) - (prior.weights[i] ?? 0))
    return new Float64Array(width).fill(ridge, i, i + 1)
  })
  const mean = new Float64Array(width)
  for (const choice of choices) {
    const { odds, all, right } = weighOptions(choice, weights)
    mean.fill(0)
    choice.options.forEach(({ figures, isRight }, n) => {
      const share = (odds[n] ?? 0) / all
      const error = choice.weight * (share - (isRight ? (odds[n] ?? 0) / right : 0))
      for (let i = 0; i < width; i++) {
        const figure = figures[i] ?? 0
        mean[i] = (mean[i] ?? 0) + share * figure
        gradient[i] = (gradient[i] ?? 0) + error * figure
        addRow(hessian[i], figures, choice.weight * share * figure, i)
      }
    })
    for (let i = 0; i < width; i++) {
      addRow(hessian[i], mean, -choice.weight * (mean[i] ?? 0), i)
    }
  }
  return solve(hessian, gradient)
}

/** Adds `scale` times the first `last + 1` figures. */
function addRow(
  row: Float64Array | undefined,
  figures: ArrayLike<number>,
  scale: number,
  last: number,
): void {
  if (!row || scale === 0) return
  for (let j = 0; j <= last; j++) row[j] = (row[j] ?? 0) + scale * (figures[j] ?? 0)
}
