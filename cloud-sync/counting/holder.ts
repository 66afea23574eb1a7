/** The key holder's side: makes the key, reads sums. Runs where neither a gateway nor the core runs. */
import { generateRandomKeys, PrivateKey, PublicKey } from 'paillier-bigint'
import { type CountingKey, unpackSums } from '../protocol/counts.ts'

const PROBE = 20_261n

export interface HolderKey extends CountingKey {
  readonly lambda: string
  readonly mu: string
}

/** Takes seconds. 3072 bits is what to use; fewer is for tests. */
export async function makeHolderKey(bits = 3072): Promise<HolderKey> {
  const { publicKey, privateKey } = await generateRandomKeys(bits)
  return {
    n: publicKey.n.toString(16),
    g: publicKey.g.toString(16),
    lambda: privateKey.lambda.toString(16),
    mu: privateKey.mu.toString(16),
  }
}

/** False where the private part does not belong to the public one: it would read made-up sums. */
export function isWhole(key: HolderKey): boolean {
  const { publicKey, privateKey } = keysOf(key)
  return privateKey.decrypt(publicKey.encrypt(PROBE)) === PROBE
}

export function readSums(
  key: HolderKey,
  names: readonly string[],
  ciphertexts: readonly string[],
): Map<string, number> {
  const { publicKey, privateKey } = keysOf(key)
  const plaintexts = ciphertexts.map((one) => privateKey.decrypt(big(one)))
  return unpackSums(plaintexts, names, publicKey.bitLength)
}

function keysOf(key: HolderKey) {
  const publicKey = new PublicKey(big(key.n), big(key.g))
  return { publicKey, privateKey: new PrivateKey(big(key.lambda), big(key.mu), publicKey) }
}

const big = (hex: string): bigint => BigInt(`0x${hex}`)
