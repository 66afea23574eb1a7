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
  `${OPENING}${NOT}(?:再|去|给我|帮我|麻烦|急着)*(?:叫|喊|呼叫|找|请|转|接|派|通知|麻烦)?(?:一下|个)?${STAFF}${END}`,
  `${OPENING}${STAFF}(?:就|也|都|现在|暂时|先)*${NOT}(?:再)?(?:来|过来|叫|喊|管)${END}`,
  `${OPENING}${NOT}(?:再)?(?:重复|说一遍|讲一遍|重说)(?:一遍|一下)?${END}`,
  `(?:no |please |no please )?(?:don't|do not|no need to|you don't need to|you need not)(?: please)? (?:call|get|fetch|bring|send|page|ring)(?: for)? ${STAFF_EN}(?: please| now| again)?`,
  `(?:no )?i (?:don't|do not|really don't) (?:need|want)(?: to (?:see|call|(?:talk|speak) (?:to|with)))? ${STAFF_EN}(?: please| now)?`,
  "(?:please )?(?:don't|do not|no need to) (?:repeat|say)(?: it| that)?(?: again)?",
] as const

/** What is not meant, where the next clause says what is. */
export const NOT_THIS = [
  '(?:我|我们|他|她)?(?:不|没|没有|不是|都不是|不对)',
  '(?:我|我们|他|她)?不(?:是|要|想|问|用|需要|打算|办|取|存|转|汇|挂|看|找|查|买|退|换|交|报|做|借|去|拿)(?!不|了吗|吗).{1,12}',
  "(?:no )?(?:i (?:don't|do not) (?:want|need|mean)|i (?:didn't|did not) (?:ask|mean)|not) .{2,40}",
] as const

/** Begins what is meant instead; all but what it wants is taken off. */
export const BUT_THIS = [
  '(?:我|我们|他|她)?(?:而|就|只|应该)?是(?:想|要)?(?:说|问|来)?的?(?:是)?',
  '(?:我|我们|他|她)?(?:想|要)?问(?:一下)?(?:的是)?(?!题)',
  '(?:我|我们|他|她)(?=要|想|得|来)',
  '(?:but )?i (?:want|need|mean|meant|asked)(?= )',
] as const
