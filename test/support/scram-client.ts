/** The client's side of SCRAM-SHA-256 (RFC 5802 section 3), written for tests apart from the gateway's. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()

function parse(clientFirst: string, serverFirst: string, password: string) {
  const fields = new Map(serverFirst.split(',').map((one) => [one[0], one.slice(2)]))
  const salt = Buffer.from(fields.get('s') ?? '', 'base64')
  const iterations = Number(fields.get('i'))
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256')
  const withoutProof = `c=${Buffer.from('n,,').toString('base64')},r=${fields.get('r')}`
  const bare = clientFirst.slice('n,,'.length)
  return { salted, withoutProof, authMessage: `${bare},${serverFirst},${withoutProof}` }
}

/** client-final-message with its proof. */
export function clientFinal(clientFirst: string, serverFirst: string, password: string): string {
  const { salted, withoutProof, authMessage } = parse(clientFirst, serverFirst, password)
  const clientKey = hmac(salted, 'Client Key')
  const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage)
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))
  return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
}

/** server-final-message that proves that the server knows the password too. */
export function serverSignature(
  clientFirst: string,
  serverFirst: string,
  password: string,
): string {
  const { salted, authMessage } = parse(clientFirst, serverFirst, password)
  return `v=${hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')}`
}
