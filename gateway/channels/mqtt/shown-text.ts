/** What clients say of themselves, as the log and the list of ends keep it. */

/** Enough to recognise it by; a string of MQTT may have 65,535 bytes, and some come without credentials. */
const MAX_SHOWN_CHARACTERS = 200

/** The beginning of a text that is longer than it is shown: a copy, since a slice would hold the whole in memory. */
export const shownText = (text: string): string =>
  text.length <= MAX_SHOWN_CHARACTERS
    ? text
    : `${Buffer.from(text.slice(0, MAX_SHOWN_CHARACTERS)).toString()}…`
