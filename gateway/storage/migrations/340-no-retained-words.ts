/** What devices had the broker retain of messages to the box: words of persons, which no erasure reached. */
export const noRetainedWords = {
  id: 340,
  name: 'no-retained-words',
  sql: `
    DELETE FROM mqtt_retained WHERE topic GLOB 'kefu/v1/*/ask' OR topic GLOB 'kefu/v1/*/feedback'
      OR topic GLOB 'kefu/v1/*/event' OR topic GLOB 'kefu/v1/*/played';
  `,
}
