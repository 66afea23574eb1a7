/**
 * Things that people ask about somewhere. Put in the place of a word of a pack's question they make a
 * question that sounds like the pack's and is not: 今天门诊开到几点 → 今天股市开到几点.
 *
 * source: written for this project; everyday nouns of many trades.
 */
export const FOREIGN_MATTERS: readonly string[] = `
股市 基金 彩票 房价 油价 黄金 汇率 电影 电影院 球赛 演唱会 展览 博物馆 图书馆 动物园 游乐场 健身房 游泳馆 篮球场
火车票 机票 高铁 地铁站 公交车 出租车 加油站 高速公路 飞机场 轮船 驾照 车牌 摩托车 自行车 汽车保养 轮胎 导航
酒店 民宿 签证 护照 景点 门票 旅行社 海滩 温泉 滑雪 爬山 露营 钓鱼
外卖 火锅 烤鸭 蛋糕 奶茶 咖啡 啤酒 饺子 菜谱 西瓜 面包 自助餐
手机壳 电脑 打印机 路由器 显卡 键盘 游戏 账号 软件 视频 直播 微信 抖音 邮箱 内存 充电器
快递 邮局 派出所 法院 律师 税务 公证处 居委会 物业 房租 装修 家具 沙发 空调 洗衣机 热水器 水电费 煤气 窗帘
银行 贷款 信用卡 股票 保险 利息 支票
学校 幼儿园 高考 考研 英语 数学 作业 论文 家教 奖学金 宿舍 校服 留学
门诊 挂号 手术 牙科 体检 药店 疫苗
衣服 鞋子 裙子 口红 面膜 香水 手表 戒指 理发 美甲 婚纱 发型
猫粮 小狗 金鱼 鹦鹉 多肉 玫瑰 花盆 化肥 水稻
天气 台风 地震 星座 生肖 梦 历史 诗歌 小说 成语 新闻 总统 明星 歌手 足球 篮球 象棋 钢琴 吉他 画画
工资 招聘 简历 公司 老板 合同 发明 火箭 月亮 恐龙 外星人
`
  .trim()
  .split(/\s+/)
