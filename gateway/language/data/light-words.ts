/**
 * Words that a question can lose without becoming another question: asking politely, asking everybody,
 * asking urgently, softening; and the words that ask, because what is asked is compared by itself.
 *
 * source: written for this project from everyday speech.
 */
export const LIGHT_WORDS: readonly string[] = `
请问 请教 求教 求助 求解 求解答 求答案 求指教 求指点 求告知 求大神 求高手 求各位 求帮忙 求真相 求推荐
求介绍 跪求 急求 诚求 高分求 高分悬赏 在线等 急用 急急急 很急 挺急的 着急 很着急 十万火急 谁知道 有谁知道
谁能 谁有 有谁有 谁可以 有谁 哪位 哪位高手 哪位大神 各位 各位高手 大家 大神 高手 高人 大侠 朋友们 网友
亲们 亲爱的 有人知道 有没有人知道 有没有人 有人吗 告诉我 告诉一下 能告诉我 给我 给个 给下 发给我 发我 麻烦
麻烦你 帮忙 帮我 帮我看看 帮忙看看 帮忙一下 帮个忙 拜托 谢谢 谢了 谢谢了 谢谢啦 多谢 感谢 十分感谢
万分感谢 非常感谢 不胜感激 感激不尽 辛苦 一下 一点 一些 一个 一部 一本 一首 一张 一种 一款 几个 几本
几部 几首 几款 几种 这个 这种 这张 这部 这位 这是 那个 那种 某个 到底 究竟 具体 其实 真的 真心 实在
大概 大约 一般 通常 平时 目前 现在 如今 最近 近期 当前 今年 都 还 才 就 也 再 又 只 比较 较 更 最
很 太 好 挺 超 特别 非常 十分 更加 稍微 应该 应当 可以 可能 能够 会 要 想 需要 想要 想知道 觉得
认为 感觉 知道 了解 请 求 有 是 的 地 得 了 着 过 吗 呢 吧 啊 呀 啦 嘛 么 哦 哈 哟 噢 呗 不
里 上 里面 上面 中 之 所 其 于 以 在 对 把 被 让 给 用 来 去 到 从 为 由 我 你 他 她 它 我们
你们 他们 自己 本人 我的 你的 他的 别人 人家 有关 关于 对于 方面 时候 情况 问题 东西 这样 那样 之类
什么的 等等 怎么 什么 哪里 多少 多久 为什么 如何
`
  .trim()
  .split(/\s+/)
