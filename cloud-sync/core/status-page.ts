/** The fleet page: one table a person can read, Chinese and English, no script. */
import { existsSync, readFileSync } from 'node:fs'
import { type Static, Type } from '@sinclair/typebox'
import type { Clock } from '../ports.ts'
import { parseJson } from '../protocol/parse.ts'
import type { Outgoing } from './http.ts'
import type { LogHead, LogHeads } from './log-heads.ts'
import type { Lost } from './lost-entries.ts'
import type { GatewayReport, Reports } from './reports.ts'
import type { RelayStatus } from './sinks/relay.ts'

const Line = Type.Object({ zh: Type.String(), en: Type.String() })
const Texts = Type.Object({
  title: Line,
  gateway: Line,
  state: Line,
  seen: Line,
  lane: Line,
  acknowledged: Line,
  entries: Line,
  duplicates: Line,
  missing: Line,
  refused: Line,
  connected: Line,
  away: Line,
  released: Line,
  blocked: Line,
  secondsAgo: Line,
  sink: Line,
  sinkWaiting: Line,
  empty: Line,
  broken: Line,
  forked: Line,
  lost: Line,
  told: Line,
  pending: Line,
  accepted: Line,
  total: Line,
  more: Line,
  moreTroubled: Line,
  cosigner: Line,
})
type Texts = Static<typeof Texts>

const ROWS = 1000
/** Two and a half echo intervals of a gateway. */
const AWAY_AFTER_MS = 37_500

/** What the page shows; lists end after `ROWS`, the counts tell of all. */
interface View {
  readonly fleet: readonly GatewayReport[]
  readonly gateways: number
  readonly logs: readonly LogHead[]
  readonly troubled: number
  readonly sink: RelayStatus | undefined
  readonly cosignerKey: string
  readonly nowMs: number
}

export function createStatusPage(parts: {
  readonly reports: Pick<Reports, 'worstFirst' | 'countGateways'>
  readonly heads: Pick<LogHeads, 'troubled' | 'countTroubled'>
  readonly clock: Pick<Clock, 'now'>
  readonly sinkStatus: () => RelayStatus | undefined
  /** C2SP vkey: whoever restores trust in a core that lost its key compares it with this. */
  readonly cosignerKey: string
}): () => Outgoing {
  const { reports, heads, clock, sinkStatus, cosignerKey } = parts
  const texts = readTexts()

  function look(): View {
    const nowMs = clock.now()
    return {
      fleet: reports.worstFirst(ROWS, nowMs - AWAY_AFTER_MS),
      gateways: reports.countGateways(),
      logs: heads.troubled(ROWS),
      troubled: heads.countTroubled(),
      sink: sinkStatus(),
      cosignerKey,
      nowMs,
    }
  }

  return () => ({
    status: 200,
    contentType: 'text/html; charset=utf-8',
    headers: {
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      refresh: '10',
    },
    body: render(texts, look()),
  })
}

function readTexts(): Texts {
  const places = ['../data/core-texts.json', '../../data/core-texts.json']
  const file = places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url))
  const parsed = file ? parseJson(Texts, readFileSync(file)) : undefined
  if (!parsed?.ok) throw new Error(`core-texts.json: ${parsed?.detail ?? 'not found'}`)
  return parsed.value
}

function render(texts: Texts, view: View): string {
  const { fleet, sink, nowMs } = view
  const head = [
    texts.gateway,
    texts.state,
    texts.seen,
    texts.lane,
    texts.acknowledged,
    texts.entries,
    texts.duplicates,
    texts.missing,
    texts.refused,
  ]
  const rows = fleet.flatMap((gateway) => gatewayRows(gateway, texts, nowMs))
  const body =
    rows.length > 0 ? rows.join('\n') : `<tr><td colspan="9">${both(texts.empty)}</td></tr>`
  return `<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(texts.title.zh)}</title><style>${STYLE}</style></head>
<body><h1>${both(texts.title)}</h1>${brokenLines(view, texts)}${sink ? sinkLine(sink, texts) : ''}
<p>${both(filled(texts.total, view.gateways))}</p>${moreLine(texts.more, view.gateways - fleet.length)}<table>
<thead><tr>${head.map((line) => `<th>${both(line)}</th>`).join('')}</tr></thead>
<tbody>
${body}
</tbody></table><p>${both(texts.cosigner)}<code>${escapeHtml(view.cosignerKey)}</code></p></body></html>
`
}

type Line = Static<typeof Line>

const both = ({ zh, en }: Line) => `${escapeHtml(zh)}<small lang="en">${escapeHtml(en)}</small>`

const filled = ({ zh, en }: Line, n: number): Line => ({
  zh: zh.replace('{n}', String(n)),
  en: en.replace('{n}', String(n)),
})

/** A list that ends here and not in truth says so. */
const moreLine = (line: Line, n: number): string =>
  n > 0 ? `<p class="explained">${both(filled(line, n))}</p>` : ''

/** Before all else: a record that is not what it was is worth more than the state of any link. */
function brokenLines({ logs, troubled }: View, texts: Texts): string {
  const lines = logs.flatMap((log) => [
    ...(log.brokenReason === null ? [] : [troubleLine(log, texts.broken, log.brokenReason, texts)]),
    ...(log.forkedReason === null ? [] : [forkLine(log, log.forkedReason, texts)]),
    ...(log.lost === null ? [] : [lostLine(log, log.lost, texts)]),
  ])
  return [...lines, moreLine(texts.moreTroubled, troubled - logs.length)].join('')
}

const forkLine = (log: LogHead, reason: string, texts: Texts): string =>
  troubleLine({ ...log, acceptedReason: log.forkAcceptedReason }, texts.forked, reason, texts)

function lostLine(log: LogHead, lost: Lost, texts: Texts): string {
  const line = filled(lost.word === 'silent' ? texts.lost : texts[lost.word], lost.atLeast)
  return troubleLine(
    log,
    line,
    `"${lost.reason ?? ''}" ← ${lost.origin}`,
    texts,
    lost.word !== 'silent',
  )
}

/** Red until the record itself or an operator has explained it; then it stays, in plain black. */
function troubleLine(
  { gatewayId, origin, acceptedReason }: Pick<LogHead, 'gatewayId' | 'origin' | 'acceptedReason'>,
  line: Line,
  detail: string,
  texts: Texts,
  isTold = false,
): string {
  const isExplained = isTold || acceptedReason !== null
  const accepted =
    acceptedReason === null ? '' : `${both(texts.accepted)}${escapeHtml(acceptedReason)}`
  const what = escapeHtml(`${gatewayId} · ${origin}: ${detail}`)
  return `<p class="${isExplained ? 'explained' : 'broken'}">${both(line)}${what}${accepted}</p>`
}

/** Why entries wait stands beside how many, so that nobody needs the log for it. */
function sinkLine({ sink, waiting, lastError }: RelayStatus, texts: Texts): string {
  const why = lastError ? `<p class="away">${escapeHtml(lastError)}</p>` : ''
  const count = both(filled(texts.sinkWaiting, waiting))
  return `<p>${both(texts.sink)} ${escapeHtml(sink)}</p><p>${count}</p>${why}`
}

function gatewayRows(gateway: GatewayReport, texts: Texts, nowMs: number): string[] {
  const silentMs = nowMs - gateway.seenAtMs
  const isHere = gateway.isEnrolled && !gateway.isBlocked && silentMs < AWAY_AFTER_MS
  const state = texts[stateOf(gateway, isHere)]
  const seconds = Math.max(0, Math.round(silentMs / 1000))
  const ago = both(filled(texts.secondsAgo, seconds))
  const streams = gateway.streams.length > 0 ? gateway.streams : [undefined]
  return streams.map((stream, index) => {
    const span = streams.length
    const first =
      index === 0
        ? `<td rowspan="${span}">${escapeHtml(gateway.id)}</td>
<td rowspan="${span}" class="${isHere ? 'here' : 'away'}">${both(state)}</td><td rowspan="${span}">${ago}</td>`
        : ''
    const cells = stream
      ? [
          stream.lane,
          stream.acknowledged,
          stream.entries,
          stream.duplicates,
          stream.missing,
          stream.refused,
        ]
      : ['', '', '', '', '', '']
    return `<tr>${first}${cells.map((cell) => `<td>${escapeHtml(String(cell))}</td>`).join('')}</tr>`
  })
}

function stateOf({ isEnrolled, isBlocked }: GatewayReport, isHere: boolean) {
  if (isBlocked) return 'blocked'
  if (!isEnrolled) return 'released'
  return isHere ? 'connected' : 'away'
}

const STYLE = `body{font:16px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:2rem;color:#1b1b1b;background:#fff}
h1{font-size:1.4rem}table{border-collapse:collapse}td,th{border:1px solid #767676;padding:.3rem .6rem;text-align:left;vertical-align:top}
th{background:#f2f2f2}small{display:block;color:#595959}.here{background:#e3f4e3}.away{background:#fbe3e3}
.broken{background:#a4161a;color:#fff;padding:.6rem}.broken small{color:#fff}
.explained{border:2px solid #8a6100;padding:.6rem}`

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
}
