/**
 * Signs as people and programs write them → the one sign the readers know, so that none is lost to the ear.
 * Words of no language stand here; what a sign is called is in the reading data.
 */

/** Ordinary sentences have none of these and pass untouched. */
const SIGN = /[<>=＜＞≦≧⩽⩾≪≫⇒⟶∼〜&/*×·•⋅+$¥￥€£-]|10|\d\.\d+\.|[\d\u4e00-\u9fff][xX]|\d[eE]|——/
const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  le: '≤',
  ge: '≥',
  ne: '≠',
  amp: '&',
  nbsp: ' ',
  plusmn: '±',
  minus: '-',
  times: '×',
  deg: '°',
  micro: 'µ',
}
const ENTITY = /&([a-z]{2,6});/g
/** Markup that answers from elsewhere may bring: raised figures are powers, blocks are sentences. */
const RAISED = /<sup>\s*([-−]?\d+)\s*<\/sup>/g
const BLOCK_TAG =
  /<\/?(?:br|hr|p|div|section|li|ul|ol|tr|tbody|thead|table|h[1-6])(?:\s[^<>]*)?\/?>/g
const INLINE_TAG =
  /<\/?(?:strong|em|span|sub|sup|font|small|big|mark|code|pre|del|ins|img|td|th|[abiu])(?:\s[^<>]*)?\/?>/g
/** `<通知>`: brackets, since nothing stands before the first to be compared. */
const BRACKETED = /(^|[\s，。：、《「“(（])<([^<>\d=]{2,30})>/g
/** Where a way through menus ends at the latest. */
const CLAUSE = /[^\n。；;！!？?，,]*>[^\n。；;！!？?，,]*/g
const MENU_STEP = /^[\p{L}“”"' -]*\p{L}{2}[\p{L}“”"' -]*$/u
const MIN_MENU_STEPS = 3

/** Every sign of `text` in its plain form; anything else comes back as it is. */
export function plainSigns(text: string): string {
  if (!SIGN.test(text)) return text
  return plainFigures(plainComparisons(withoutMarkup(text)))
}

function withoutMarkup(text: string): string {
  const plain = text.replace(ENTITY, (all, name: string) => ENTITIES[name] ?? all)
  return plain.includes('<')
    ? plain
        .replace(RAISED, '^$1')
        .replace(BLOCK_TAG, '\n')
        .replace(INLINE_TAG, (tag) => (isMarkup(tag, plain) ? '' : tag))
        .replace(BRACKETED, '$1$2')
        .trimStart()
    : plain
}

/** A tag of one letter may be a comparison (`a<b`) unless it is closed or closes. */
const isMarkup = (tag: string, text: string) =>
  tag.startsWith('</') || tag.length > 3 || text.includes(`</${tag.charAt(1)}>`)

function plainComparisons(text: string): string {
  return text
    .replace(/＜/g, '<')
    .replace(/＞/g, '>')
    .replace(/≪/g, '<<')
    .replace(/≫/g, '>>')
    .replace(/[≦⩽]/g, '≤')
    .replace(/[≧⩾]/g, '≥')
    .replace(/=>(?=\s?-?\d)/g, '≥')
    .replace(/<[-=]+>/g, '→')
    .replace(/[-=]+>|⇒|⟶/g, '→')
    .replace(/<-{2,}/g, '←')
    .replace(/<\s?[=＝]|=</g, '≤')
    .replace(/>\s?[=＝]/g, '≥')
    .replace(/!=/g, '≠')
    .replace(/\+-(?=$|[\s,，。;；、)）\]])|\+\/-/g, '±')
    .replace(/[∼〜]/g, '~')
    .replace(CLAUSE, (clause) => (isMenu(clause) ? clause.replace(/>/g, '→') : clause))
}

/** `首页 > 我的 > 预约`: words alone, in three steps or more, are a way and no comparison. */
function isMenu(clause: string): boolean {
  const steps = clause.split('>')
  return steps.length >= MIN_MENU_STEPS && steps.every((step) => MENU_STEP.test(step))
}

function plainFigures(text: string): string {
  return (
    text
      // ×109/L is what is left of ×10⁹/L once a program dropped the raised figure.
      .replace(/([×xX*]\s?10)([369]|12)(?=\/[Ll])/g, '$1^$2')
      .replace(/(?<!\d)10[eE](\d{1,2})(?=\/)/g, '10^$1')
      .replace(/(?<![A-Za-z])[xX*](?=\s?10\^)/g, '×')
      .replace(/(\d\.\d+)[eE]\+?(-?)0?(\d{1,2})(?![\w.])/g, '$1×10^$2$3')
      .replace(/\/\s?\(([A-Za-zμµ]+)\s?[·•⋅*.]\s?([A-Za-z]+)\)/g, '/$1/$2')
      .replace(/\/(kg)[·•⋅](min|h|d)(?![A-Za-z])/g, '/$1/$2')
      .replace(/(\d)[xX](?![A-Za-z\d\u3400-\u9fff]|\s?\d)/g, '$1×')
      .replace(/(?<![\d.-])(\d{1,2})([-.])(\d{1,2})\2((?:19|20)\d\d)(?![\d.-])/g, '$1/$3/$4')
      .replace(/([\u4e00-\u9fff])[xX](?=\d)/g, '$1×')
      // 11-28 14:30 is a day; VitB60.2g lacks a space.
      .replace(/(?<![\d-])(\d{1,2})-(\d{1,2})(?= \d{1,2}[:：]\d\d)/g, '$1/$2')
      .replace(/((?<![A-Za-z])Vit\s?B|维生素B)(12|[126])(?=0?\.\d)/gi, '$1$2 ')
      // 12u-0-10u: morning, noon and evening, no range.
      .replace(/(\d+)u?-(\d+)u?-(\d+)(?=u\b)/gi, '$1u, $2u, $3')
      .replace(/([¥￥$€£])\s?-\s?(?=\d)/g, '-$1')
      .replace(/((?:^|[^\d.])-\d+(?:\.\d+)?)--(?=\d)/g, '$1~-')
      .replace(/(\d\s?(?:[ap]\.?m\.?)?)\s*(?:--+|——|––)\s*(?=\d)/gi, '$1–')
      .replace(/(\d(?:\s?[ap]\.?m\.?)?)\s+[-–—]\s+(?=\d)/gi, '$1–')
  )
}
