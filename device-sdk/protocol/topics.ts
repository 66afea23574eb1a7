/** MQTT topics of the contract: `kefu/v1/{deviceId}/{name}`, fixed segments. */
export const TOPIC_PREFIX = 'kefu/v1/'

/** The topic of one kind of message of one device. */
export const topicOf = (deviceId: string, name: string): string =>
  `${TOPIC_PREFIX}${deviceId}/${name}`

/** Device id and message name of a topic of the contract, or undefined for any other topic. */
export function parseTopic(topic: string): { deviceId: string; name: string } | undefined {
  if (!topic.startsWith(TOPIC_PREFIX)) return undefined
  const slash = topic.indexOf('/', TOPIC_PREFIX.length)
  if (slash <= TOPIC_PREFIX.length || slash === topic.length - 1) return undefined
  if (topic.indexOf('/', slash + 1) !== -1) return undefined
  return { deviceId: topic.slice(TOPIC_PREFIX.length, slash), name: topic.slice(slash + 1) }
}
