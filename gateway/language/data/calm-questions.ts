/**
 * How people ask about an illness that nobody is in danger of now: its department, price and cure, what was long ago,
 * the illness of somebody who is visited. Patterns in common words, each within one clause; written for this project.
 */
export const CALM = [
  '(?:挂|看|找|去|属于?|归)(?:什么|哪个?一?个?|啥)(?:科|门诊|号|医生|专家)',
  '多少钱|什么价|收费|费用',
  '报销|医保|能报|报吗|报不报',
  '预防|防止',
  '治好|治愈|根治|能治|怎么治',
  '(?:多久|几天|多长时间|什么时候)(?:能|才|可以|会)?(?:好|恢复|拆|愈合)',
  '哪里?儿?(?:能|可以|有)?(?:买|卖|报名)',
  '留疤|后遗症|康复|复查|复诊|病史|过敏史|遗传|培训|讲座',
  '忌口|吃什么|饮食',
  '去年|前年|上个?月|上周|小时候|从前|曾经|以前',
  '过[一两几]次|(?:疼|痛|闷|晕|倒|血|抽)过|好了$',
  '来看|探望|看望|护理|送来的',
  '(?:什么|啥|哪些)检查|片子|住(?:进|在|了)*(?:icu|重症|监护)',
  '(?:能不能|可不可以|能|可以)[^ ]{0,2}(?:手术|献血|疫苗|增强|胃镜|肠镜|核磁|拔牙|飞机|洗澡|开车)',
  '[多少漏忘]了?吃?了?[一两几][次片粒颗顿]|死了?(?:这条心|(?:怎么)?这么[慢久])',
  '本人(?:来不了|去不了|不能[来去])',
  '\\b(?:which|what) (?:department|clinic|doctor|specialist)\\b',
  '\\bhow much\\b|\\bcosts?\\b|\\binsurance\\b|\\bcovered\\b',
  '\\bprevent|\\bcure|\\bhow long\\b|\\brecover|\\brehab|\\bdiet\\b',
  '\\blast (?:year|month|week)\\b|\\b(?:years|months|weeks) ago\\b|\\bin the past\\b|\\bused to\\b|\\bhistory of\\b',
  '\\bfollow(?: |-)?up\\b|\\bwhere can i buy\\b|\\bvisit(?:s|ing)?\\b',
] as const

/** What a question of everyday has in it; 怎么都 asks nothing. */
export const QUESTIONS = [
  '在哪|哪里|哪儿|哪个|几楼|几层|几点|几号|几天|多少|什么时候|多久|多长时间|什么(?!都|也)',
  '(?:怎么|如何|咋)(?![都也了就]|$)',
  '吗$|能不能|可不可以|要不要|有没有|是不是|行不行',
  '\\b(?:where|how|what|when|which|who|is there|are there|do you|does|can i|can we|may i|could you)\\b',
] as const

/** And a request, or who waits. */
export const REQUESTS = [
  '投诉|想问|问一下|请问|咨询|打听|等了|排了',
  '\\b(?:complain|complaint|i have been waiting|i want to|i would like|i need to)\\b',
] as const

/** Opens what is asked. */
export const OPENING = '我?[想要]?(?:请问|问一下|问下|咨询|打听)一?下? ?'

/** Ends what is told, by who asks no more than what to do. */
export const PLEA = '[该要我们]*(?:怎么办|咋办|怎么处理)[呀啊呢]?'

/** All that is said before a question, or by who waits. */
export const ANNOUNCES = [
  '我?[想要]?(?:请问|问一?下|咨询|打听)一?下?',
  '我?[都已经]*(?:等|排)了.{1,6}(?:了|小时|分钟|天)',
  "(?:i have|i've) been waiting .{1,20}|i have a question",
] as const

/** Begins who or where somebody is in danger; a name alone (心梗病人几点可以探视) is what is asked of. */
export const TELLS_OF = [
  '我|咱|俺|你|他|她|有|孩子|小孩|小朋友|宝宝|儿子|女儿|老|爸|妈|爷|奶|病人|患者|同学|同事',
  '旁边|隔壁|这|那|前面|后面|大厅|走廊|楼|门口|外面|里面',
  '胸口|心口|呼吸|心脏|心跳|血压|血氧|血糖|羊水|大出血|流血|车祸',
  // Not what goes on with a question: book a follow up | after a heart attack.
  '(?!(?:after|before|for|from|of|with|about|during|to|and|or)\\b|(?:an?|the) (?:heart )?[a-z]+$)[a-z]',
] as const
/** Ends a name, or cuts a word off: 摔伤的老人, 昏迷住|院. */
export const NO_END = ['的[^的]{1,4}', '病人|患者|伤员|产妇|孕妇', '[住的去没]'] as const

const CARE = '(?:科室?|门诊|号|医生|大夫|专家)'
const PEOPLE = '(?:病人|亲戚|朋友|同事|同学|家人|家属|老人|老师|爸爸?|妈妈?|爷爷|奶奶)'

/**
 * What is asked, or said of before, beside a danger of now: 胸口疼 of 胸口疼挂什么科, of 以前没这样过胸口疼. Never what an
 * illness is named for (its price, its cure, what was last year): what stands beside that is the illness itself.
 */
export const BESIDE = [
  `[应该当要得]{0,4}(?:[挂看找去归]|属于?)(?:什么|哪一?个?|啥)${CARE}`,
  '[应该当要得]{0,4}[吃用](?:什么|啥)药?',
  '(?:从前|以前|之前)(?:从来|从)?[都也]?没有?[^ ]{0,4}过',
  '有[^ ]{1,5}(?<!过敏)病?史的?|有(?:药物)?过敏史的?',
  `来(?:探望|看望|看|陪)(?:住院的|一个)?我?的?${PEOPLE}`,
  '(?:没带|忘带)医保卡?|医保卡?(?:没带|忘带|忘了带)',
  '(?:要|得)?(?:等|排)(?:多久|多长时间)',
  '\\b(?:which|what) (?:department|clinic|doctor|specialist)(?: (?:is )?(?:for|treats|do i see (?:for|with)) .*)?',
  '\\bhow long (?:do|does|will|must|should) (?:i|we|it|he|she)(?: have to)?(?: wait| take)?\\b',
  '\\bhistory of [a-z ]+? (?:and|but)\\b',
] as const

/** Names of two characters that nobody has but now; others (胸闷, 中风) are asked about as an illness. */
export const ACUTE = [
  '昏迷',
  '休克',
  '窒息',
  '割腕',
  '想死',
  '触电',
  '溺水',
  '吐血',
  '中毒',
] as const

/** Begins the question behind what has happened. */
export const QUESTION_BEHIND = [
  '[应要]?该?(?:挂|看|找|去|归)(?:什么|哪|啥)',
  '(?:要|得)?多少钱|怎么治|多久|几天|什么时候',
  '能?报销|医保|能报|报不报|吃什么',
] as const

/** Whatever else is said, somebody may be in danger now. */
export const URGENT = [
  '现在|这会儿|正在|突然|忽然|一下子|刚|马上|今天又|又(?:犯|发|疼|痛|晕|倒)',
  '快|救|来人|怎么办|厉害|受不了|不行|不止|止不住|停不下|昏|不醒|没反应|喘不|不动',
  '\\bnow\\b|\\bsudden|\\bagain\\b|\\bhelp\\b|\\bbadly\\b|\\bterribl|\\bsevere|\\bquick|\\bhurry\\b|\\bworse\\b',
  "\\bcan(?:no|'|)t\\b|\\bwon't\\b",
] as const
