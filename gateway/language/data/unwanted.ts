/**
 * What people say that they do not want: a command (别叫护士), or one thing instead of another (不是取药，是退药). Patterns in
 * normal form, each of a whole clause; written for this project from everyday speech.
 */

const STAFF = '(?:护士|医生|大夫|工作人员|服务员|客服|人工|真人|店员|老师|人|人家|他们|她们?)'
const NOT = '(?:别|甭|不用|不要|不必|不需要|没必要|无需)'
const OPENING = '(?:好了|算了|那|我|你|您|请|就|先|都|暂时|现在|真的|也)*'
const END = '(?:了|来|吧|啊|呀|哈|哦|过来|帮忙)*'
const STAFF_EN =
  '(?:(?:a|an|the|any|some|your|real|human) )*(?:nurses?|doctors?|staff|person|human|agent|anyone|anybody|someone|somebody|people)'

/** A command that is not to be carried out; never what is asked or complained of (怎么不叫护士, 没有护士来). */
export const DENIED_COMMANDS = [
  {
    commands: ['call-nurse', 'handoff'],
    isCall: true,
    patterns: [
      `${OPENING}${NOT}(?:再|去|给我|帮我|麻烦|急着)*(?:叫|喊|呼叫|找|请|转|接|派|通知|麻烦)?(?:一下|个)?${STAFF}${END}`,
      `${OPENING}${STAFF}(?:就|也|都|现在|暂时|先)*${NOT}(?:再)?(?:来|过来|叫|喊|管)${END}`,
      `(?:no |please |no please )?(?:don't|do not|no need to|you don't need to|you need not)(?: please)? (?:call|get|fetch|bring|send|page|ring)(?: for)? ${STAFF_EN}(?: please| now| again)?`,
      `(?:no )?i (?:don't|do not|really don't) (?:need|want)(?: to (?:see|call|(?:talk|speak) (?:to|with)))? ${STAFF_EN}(?: please| now)?`,
    ],
  },
  {
    commands: ['repeat'],
    isCall: false,
    patterns: [
      `${OPENING}${NOT}(?:再)?(?:重复|说一遍|讲一遍|重说)(?:一遍|一下)?${END}`,
      "(?:please )?(?:don't|do not|no need to) (?:repeat|say)(?: it| that)?(?: again)?",
    ],
  },
] as const

/** Who may be called, in what is left over: 不要护士，要医生. */
export const CALLED =
  '护士|医生|大夫|工作人员|客服|真人|保安|\\b(?:nurse|doctor|staff|somebody|someone)\\b'

const WHO_IS_WELL =
  '(?:我|她们?|他们?|护士|医生|大夫|人|家里人|家属|儿子|女儿|已经|都|刚刚?|现在|先|就|也|真的|感觉)*'

/** Says why nobody need come, each of a whole clause; beside anything else somebody does. */
export const CALMING = [
  `${WHO_IS_WELL}(?:来了|来过|在|到了|叫过|有人|自己(?:能|可以|会|就)?(?:来|去|行|弄|走|做|处理)|没事儿?|不要紧|好了|好多了|不疼了|没关系)[了吧啊呀]*`,
  '(?:千万)?(?:不用|别|不用叫|别叫|不急|谢谢你?|谢谢您|多谢|等一?下|等一?会儿?|可以|行|算了|好的?|知道|太麻烦|不麻烦|按错|误按)[了吧啊呀们]*',
  "(?:(?:i'm|i am|it's|it is|we are|she's|he's|she is|he is) )?(?:fine|ok|okay|all right|alright|good|better|already here|here)(?: now| already| thanks| thank you)?",
  '(?:thanks|thank you|please|never mind|wait|not now|it was a mistake)',
  'i can (?:do it|manage|go|walk|get up)(?: by)?(?: myself| alone)?',
] as const

const I = '(?:我|我们|他|她)?'
/** 是, 我是说, 我问的是: taken off before what is meant. */
const IT_IS = `${I}(?:(?:而|就|只|应该)?是(?:想|要)?(?:说|问|来)?的?|问的是|说的是|要的是)`

/** Opens the clause that says what is. */
export const YET = 'but |and '

/**
 * What a clause says is not meant, and how the next begins that says what is (without it, what is meant is left). Who is
 * not something (我不是本地人，想问医保) only says so: 不是 needs a 是 behind it.
 */
export const INSTEAD = [
  { not: `${I}(?:都不是|不是|不对|没有?|不)`, but: IT_IS },
  { not: `${I}不是(?!吗).{1,12}(?<![吗吧])`, but: IT_IS },
  {
    not: `${I}不(?:要|想|问|用|需要|打算|办|取|存|转|汇|挂|看|找|查|买|退|换|交|报|做|借|去|拿).{1,12}(?<![吗吧])`,
    but: `${IT_IS}|${I}(?:想|要)?问(?:一下)?(?!题)|我们?(?=要|想|得|来)|(?=要)`,
  },
  {
    not: "(?:no )?(?:i (?:don't|do not) (?:want|need|mean)|i (?:didn't|did not) (?:ask|mean)|not) .{2,40}",
    but: 'i (?:want|need|mean|meant|asked)(?= )',
  },
] as const
