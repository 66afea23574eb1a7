/**
 * After a round: was a promise broken? Looks at the record, at the core and at the answers of the box
 * itself, as a device, an operator and an auditor would.
 */
import { Agent as HttpAgent } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { type Acknowledged, askOverHttp } from './devices.ts'
import type { Scene } from './fault.ts'
import { compareWithCore } from './judge-core.ts'
import { runGateway, until } from './program.ts'
import { keysOf, readRecord } from './record.ts'
import type { Site } from './site.ts'

/** What was found; every number but the first is 0 where the promises hold. */
export interface Findings {
  readonly acknowledged: number
  /** Acknowledged and not in the record, or not answered any more. */
  readonly lost: number
  /** Answered otherwise when asked again. */
  readonly changed: number
  /** In the record of the box, or at the core, more than once. */
  readonly doubled: number
  /** In the record and not at the core, other bytes there, or out of order. */
  readonly coreWrong: number
  readonly notWhole: number
  /** In words, for whoever reads the log. */
  readonly details: readonly string[]
}

/** Nothing is broken any more: whoever asks long enough hears an answer, however starved the machine. */
const ANSWER_TIMEOUT_MS = 30_000
const ERASED = 'answer.erased'

/** With both running and nothing waiting. */
export async function judge(
  site: Site,
  promised: ReadonlyMap<string, Acknowledged>,
  { isRestoring, erased }: { readonly isRestoring: boolean; readonly erased: Scene['erased'] },
) {
  const details: string[] = []
  const leaves = () => readRecord(site).map(({ leaf }) => leaf)
  const before = keysOf(leaves())
  let lost = 0
  for (const [key, { kind }] of promised) {
    if (before.has(`${kind} ${key}`)) continue
    lost += 1
    details.push(`lost: ${kind} ${key} is not in the record`)
  }
  const again = await askAllAgain(site, promised, erased, details)
  const record = readRecord(site)
  const after = keysOf(record.map(({ leaf }) => leaf))
  let doubled = 0
  for (const [key, times] of after) {
    if (times < 2) continue
    doubled += times - 1
    details.push(`doubled: ${key} is in the record ${times} times`)
  }
  const atCore = await compareWithCore(site, record, details, isRestoring)
  const isWhole = await verify(site, details)
  return {
    acknowledged: promised.size,
    lost: lost + again.lost,
    changed: again.changed,
    doubled: doubled + atCore.doubled,
    coreWrong: atCore.wrong,
    notWhole: isWhole ? 0 : 1,
    details,
  } satisfies Findings
}

/** Same device, same id: the same answer, whatever happened in between; of a person who was erased, none. */
async function askAllAgain(
  site: Site,
  promised: ReadonlyMap<string, Acknowledged>,
  erased: Scene['erased'],
  details: string[],
): Promise<{ lost: number; changed: number }> {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 4 })
  let lost = 0
  let changed = 0
  const asks = [...promised].filter(([, one]) => one.kind === 'ask')
  await Promise.all(
    asks.map(async ([key, { device, body, answer }]) => {
      const outcome = await until(ANSWER_TIMEOUT_MS, async () => {
        const heard = await askOverHttp(site.ports(), device, body, agent)
        return heard.kind === 'unanswered' ? undefined : heard
      })
      const gone = erased.get((body as { subject?: { id: string } }).subject?.id ?? '')
      if (outcome?.kind === 'refused' && outcome.code === ERASED && gone) return
      if (gone?.has(key)) {
        changed += 1
        details.push(
          `changed: ask ${key} of an erased person is answered: ${JSON.stringify(outcome)}`,
        )
      } else if (outcome?.kind !== 'kept') {
        lost += 1
        details.push(`lost: ask ${key} is not answered again: ${JSON.stringify(outcome)}`)
      } else if (answer !== undefined && !isDeepStrictEqual(outcome.answer, answer)) {
        changed += 1
        details.push(`changed: ask ${key} is answered otherwise`)
      }
    }),
  )
  agent.destroy()
  return { lost, changed }
}

/** `kefu-edge ledger verify`, as an auditor runs it, beside the running gateway. */
async function verify(site: Site, details: string[]): Promise<boolean> {
  const args = ['ledger', 'verify', '--json', '--data', site.gatewayDir]
  const { code, lastWords } = await runGateway(args)
  if (code === 0) return true
  details.push(`not whole: ledger verify exits ${code}: ${lastWords}`)
  return false
}
