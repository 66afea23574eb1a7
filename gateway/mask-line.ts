/** What must not stand in a log line or a support bundle, whatever room wrote it. */
import { maskText } from './ledger/masking.ts'

export const MASKED = '[masked]'
/** Our tokens, and whatever stands behind the word Bearer. */
const TOKEN = /\bkd_[A-Za-z0-9_-]{8,}|\bBearer\s+[A-Za-z0-9._~+/=-]{8,}/g
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g
/** `redis://:secret@host`, `mqtt://user:secret@host`; up to the last @ before the path, as those who read URLs do. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"]*:)[^\s/"]+(?=@[^\s/@"]*)/gi
/** `"claim":"ABCDE-FGHJK"` and its like, also inside a line that is JSON within JSON. */
const SECRET_FIELD =
  /(\\?"(?:token|password|claim|authorization|enrolToken|secret|personal|text)\\?"\s*:\s*\\?")((?:[^"\\]|\\[^"])*)/gi

/** The text without the passwords of URLs. */
export const maskUrls = (text: string): string =>
  text.replace(URL_PASSWORD, (_, before: string) => before + MASKED)

/** The text without tokens, private keys, secret fields, passwords in URLs, the secrets given, and what identifies a person. */
export function maskLine(text: string, secrets: readonly string[] = []): string {
  const known = secrets.reduce((rest, secret) => rest.replaceAll(secret, MASKED), text)
  const plain = maskUrls(known)
    .replace(PEM, MASKED)
    .replace(TOKEN, MASKED)
    .replace(SECRET_FIELD, (_, field: string) => field + MASKED)
  return maskText(plain)
}
