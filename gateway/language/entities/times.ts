/** Dates, times of day and durations, Chinese and English: 下周二上午九点半, 三天后, 每八小时's 八小时. */
import type { EntityHit, EntityReader } from './entity.ts'
import { NUMERAL, NUMERAL_CHARACTERS, parseCount, parseNumeral } from './numerals.ts'
import { readAll } from './quantities.ts'

const N = `(${NUMERAL})`
const DAY_MS = 86_400_000

const RELATIVE_DAYS: Readonly<Record<string, number>> = {
  大前天: -3,
  前天: -2,
  昨天: -1,
  昨日: -1,
  昨晚: -1,
  今天: 0,
  今日: 0,
  今晚: 0,
  今早: 0,
  明天: 1,
  明日: 1,
  明早: 1,
  明晚: 1,
  后天: 2,
  大后天: 3,
  yesterday: -1,
  today: 0,
  tonight: 0,
  tomorrow: 1,
}
const WEEKDAYS: Readonly<Record<string, number>> = {
  一: 1,
  二: 2,
  三: 3,
  四: 4,
  五: 5,
  六: 6,
  日: 7,
  天: 7,
  monday: 1,
  tuesday: 2,
  wednesday: 3,
  thursday: 4,
  friday: 5,
  saturday: 6,
  sunday: 7,
}
const MONTHS =
  'january february march april may june july august september october november december'
const MONTH_NAMES = MONTHS.split(' ')

const pad = (n: number): string => String(n).padStart(2, '0')
/** Local date: the box stands where its people are. */
const isoDate = (date: Date): string =>
  `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
const inDays = (nowMs: number, days: number): string => {
  const date = new Date(nowMs)
  return isoDate(new Date(date.getFullYear(), date.getMonth(), date.getDate() + days))
}

/** A calendar date if there is such a day; without a year, the next one from today on. */
function calendarDate(nowMs: number, year: number | undefined, month: number, day: number) {
  const now = new Date(nowMs)
  const exists = (y: number): boolean => {
    const date = new Date(y, month - 1, day)
    return date.getMonth() === month - 1 && date.getDate() === day
  }
  if (year !== undefined) {
    const full = year < 100 ? 2000 + year : year
    return exists(full) ? `${full}-${pad(month)}-${pad(day)}` : undefined
  }
  const today = isoDate(now)
  for (const y of [now.getFullYear(), now.getFullYear() + 1]) {
    const date = `${y}-${pad(month)}-${pad(day)}`
    if (exists(y) && date >= today) return date
  }
  return undefined
}

function weekday(nowMs: number, week: string | undefined, name: string): string | undefined {
  const wanted = WEEKDAYS[name]
  if (wanted === undefined) return undefined
  const today = new Date(nowMs).getDay() || 7
  const weeks =
    week === undefined
      ? 0
      : /^(上|last)/.test(week)
        ? -1
        : /^下下/.test(week)
          ? 2
          : /^(下|next)/.test(week)
            ? 1
            : 0
  const days = wanted - today + 7 * weeks
  // 周二 said on a Friday means the coming one.
  return inDays(nowMs, week === undefined && days < 0 ? days + 7 : days)
}

/** Digits may be read out one by one: 二三年. */
const number = (words: string | undefined): number | undefined =>
  words === undefined ? undefined : parseNumeral(words)
const count = (words: string | undefined): number | undefined =>
  words === undefined ? undefined : parseCount(words)

const FULL_DATE = new RegExp(
  `(?:${N}年)?${N}月${N}(?:日|号)|(\\d{4})[-/.](\\d{1,2})[-/.](\\d{1,2})`,
  'g',
)
const MONTH_DAY = new RegExp(
  `(${MONTH_NAMES.join('|')}) (\\d{1,2})(?:st|nd|rd|th)?|(\\d{1,2})(?:st|nd|rd|th)?(?: of)? (${MONTH_NAMES.join('|')})`,
  'g',
)
const DAY_OF_MONTH = new RegExp(
  `(?:(下个月|下月|本月|这个月|这月)|(?<![月${NUMERAL_CHARACTERS}\\d.]))${N}号(?!楼|线|窗|床|诊|病|房|机|厅|门|桌)`,
  'g',
)
const RELATIVE = new RegExp(
  Object.keys(RELATIVE_DAYS)
    .sort((a, b) => b.length - a.length)
    .join('|'),
  'g',
)
const WEEKDAY_ZH = /(上上?个?|下下?个?|这个?|本)?(?:星期|周|礼拜)([一二三四五六日天])/g
const WEEKDAY_EN =
  /\b(?:(next|last|this|on) )?(monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b/g
const DAYS_AWAY = new RegExp(
  `${N}个?(天|日|周|星期|礼拜|月)(?:以|之)?(后|前)|\\bin (\\d+) (day|week)s?\\b|\\b(\\d+) (day|week)s? ago\\b`,
  'g',
)

/** A date as YYYY-MM-DD, counted from `nowMs`. */
export const readDates: EntityReader = (text, nowMs) => {
  const found = [
    ...readAll(text, FULL_DATE, ([, year, month, day, y, m, d]) =>
      calendarDate(nowMs, number(year ?? y), count(month ?? m) ?? 0, count(day ?? d) ?? 0),
    ),
    ...readAll(text, MONTH_DAY, ([, name, day, d, n]) =>
      calendarDate(nowMs, undefined, MONTH_NAMES.indexOf(name ?? n ?? '') + 1, Number(day ?? d)),
    ),
    ...readAll(text, DAYS_AWAY, (groups) => daysAway(nowMs, groups)),
    ...readAll(text, RELATIVE, ([word = '']) => inDays(nowMs, RELATIVE_DAYS[word] ?? 0)),
    ...readAll(text, WEEKDAY_ZH, ([, week, name = '']) => weekday(nowMs, week, name)),
    ...readAll(text, WEEKDAY_EN, ([, week, name = '']) =>
      weekday(nowMs, week === 'on' ? undefined : week, name),
    ),
    ...readAll(text, DAY_OF_MONTH, ([, month, day]) => dayOfMonth(nowMs, month, count(day))),
  ]
  return withoutOverlap(found)
}

function daysAway(nowMs: number, groups: readonly (string | undefined)[]): string | undefined {
  const [, words, unit = '', side, ahead, aheadUnit, ago, agoUnit] = groups
  const many = count(words ?? ahead ?? ago)
  if (many === undefined || many > 1000) return undefined
  const sign = side === '前' || ago !== undefined ? -1 : 1
  if (unit === '月') {
    const now = new Date(nowMs)
    return isoDate(new Date(now.getFullYear(), now.getMonth() + sign * many, now.getDate()))
  }
  const isWeek = /周|星期|礼拜|week/.test(unit + (aheadUnit ?? '') + (agoUnit ?? ''))
  return inDays(nowMs, sign * many * (isWeek ? 7 : 1))
}

function dayOfMonth(nowMs: number, month: string | undefined, day: number | undefined) {
  if (day === undefined || day < 1 || day > 31) return undefined
  const now = new Date(nowMs)
  const isNext = month?.startsWith('下') ?? false
  const passed = month === undefined && day < now.getDate()
  const first = new Date(now.getFullYear(), now.getMonth() + (isNext || passed ? 1 : 0), 1)
  return calendarDate(nowMs, first.getFullYear(), first.getMonth() + 1, day)
}

/** The longer reading wins where two meet. */
function withoutOverlap(hits: readonly EntityHit[]): EntityHit[] {
  const kept: EntityHit[] = []
  for (const hit of [...hits].sort((a, b) => b.end - b.start - (a.end - a.start))) {
    if (kept.every((other) => hit.end <= other.start || hit.start >= other.end)) kept.push(hit)
  }
  return kept.sort((a, b) => a.start - b.start)
}

const PART_OF_DAY =
  '凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|半夜|今晚|明晚|昨晚|今早|明早|晚'
const CLOCK_ZH = new RegExp(
  `(${PART_OF_DAY})?的?${N}(?:点钟?|时)(?!钟?\\d*(?:个|天))(?:(半)|(一|三)刻|${N}分?)?`,
  'g',
)
const CLOCK_DIGITS = new RegExp(
  `(${PART_OF_DAY})?([01]?\\d|2[0-3]):([0-5]\\d)(?!\\d)(?: ?(am|pm))?`,
  'g',
)
const CLOCK_EN =
  /\b(\d{1,2})(?: ?o'clock)?(?: ?(am|pm)\b| ?(in the (?:morning|afternoon|evening)))/g
const NOON_ZH = /中午|正午|半夜|午夜/g

/** Behind these 一点 is one o'clock, or the end of 十一点. */
const BEFORE_ONE = `^| |天|日|号|[今明昨后][早晚]|周[一二三四五六末]|到|至|从|在|约|定|改|于|[${NUMERAL_CHARACTERS}\\d]|${PART_OF_DAY.replace(/\|晚$/, '')}`
/** 晚一点来, 有一点疼: a little, and no time of day unless what stands before or behind makes it one. */
const A_LITTLE = new RegExp(
  `(?<!${BEFORE_ONE})一点(?!钟|半|[一三]刻|[${NUMERAL_CHARACTERS}\\d])|一点(?=[儿点都也没不])`,
  'g',
)

/** Hour on the 24-hour clock from what is said with the part of day. */
function hourOf(hour: number, part: string | undefined): number {
  if (part === undefined) return hour
  if (/下午|傍晚|pm|afternoon|evening/.test(part)) return hour < 12 ? hour + 12 : hour
  if (part === '凌晨') return hour === 12 ? 0 : hour
  if (/晚|夜/.test(part)) return nightHour(hour, /晚/.test(part) ? 5 : 6)
  if (/中午/.test(part)) return hour < 4 ? hour + 12 : hour
  if (/am|morning/.test(part)) return hour === 12 ? 0 : hour
  return hour
}

/** Night begins at `first` in the evening and ends in the small hours: 晚上八点 is 20:00, 晚上十二点 0:00, 晚上一点 1:00. */
function nightHour(hour: number, first: number): number {
  if (hour === 12) return 0
  return hour >= first && hour < 12 ? hour + 12 : hour
}

const clock = (hour: number, minute: number): string | undefined =>
  hour >= 0 && hour <= 24 && minute >= 0 && minute < 60
    ? `${pad(hour % 24)}:${pad(minute)}`
    : undefined

/** A time of day as HH:MM. 血糖七点八 is none: units that follow, or a measure before, make it a number. */
export const readTimes: EntityReader = (said) => {
  const text = said.replace(A_LITTLE, '  ')
  const found = [
    ...readAll(text, CLOCK_ZH, (groups) => {
      const [all = '', part, words, half, quarters, minutes] = groups
      // Minutes below ten need 零 or 分: 七点八 is 7.8.
      if (minutes?.length === 1 && minutes !== '十' && !all.endsWith('分')) return undefined
      const hour = count(words?.includes('点') ? undefined : words)
      if (hour === undefined) return undefined
      const minute = half ? 30 : quarters ? (quarters === '一' ? 15 : 45) : (number(minutes) ?? 0)
      return clock(hourOf(hour, part), minute)
    }),
    ...readAll(text, CLOCK_DIGITS, ([, part, hour, minute, half]) =>
      clock(hourOf(Number(hour), part ?? half), Number(minute)),
    ),
    ...readAll(text, CLOCK_EN, ([, hour, half, part]) =>
      clock(hourOf(Number(hour), half ?? part), 0),
    ),
    ...readAll(text, NOON_ZH, ([word = '']) => (/中午|正午/.test(word) ? '12:00' : '00:00')),
  ]
  return withoutOverlap(found)
}

const UNIT_SECONDS: readonly (readonly [RegExp, number])[] = [
  [/^(秒|second)/, 1],
  [/^(分钟|minute)/, 60],
  [/^(刻钟)/, 900],
  [/^(小时|钟头|hour)/, 3600],
  [/^(天|日|day)/, DAY_MS / 1000],
  [/^(周|星期|礼拜|week)/, (7 * DAY_MS) / 1000],
]
const DURATION = new RegExp(
  `(半)个?(小时|钟头|天)|${N}个?(半)?(小时|钟头|分钟|秒钟?|刻钟|天|周|星期|礼拜| ?(?:second|minute|hour|day|week)s?\\b)(半)?|\\b(\\d+(?:\\.\\d+)?|an?|half an) (second|minute|hour|day|week)s?\\b`,
  'g',
)

/** A duration as ISO 8601, such as PT30M or P3D. */
export const readDurations: EntityReader = (text) =>
  readAll(
    text,
    DURATION,
    ([, halfOf, halfUnit, words, half, unit, after, english, englishUnit]) => {
      const name = (halfUnit ?? unit ?? englishUnit ?? '').trim()
      const seconds = UNIT_SECONDS.find(([pattern]) => pattern.test(name))?.[1]
      const spoken =
        english === undefined
          ? count(words)
          : /^half/.test(english)
            ? 0.5
            : /^an?$/.test(english)
              ? 1
              : Number(english)
      const units = halfOf ? 0.5 : spoken
      if (seconds === undefined || units === undefined) return undefined
      return isoDuration((units + (half || after ? 0.5 : 0)) * seconds)
    },
  )

function isoDuration(seconds: number): string | undefined {
  if (!(seconds > 0) || seconds > 1e9) return undefined
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = Math.round(seconds % 60)
  const time = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${rest ? `${rest}S` : ''}`
  return `P${days ? `${days}D` : ''}${time ? `T${time}` : ''}`
}
