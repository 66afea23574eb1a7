import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createScramMethod } from '../../../gateway/channels/mqtt/scram.ts'
import { createRegistry } from '../../../gateway/devices/registry.ts'
import {
  PASSWORD_ITERATIONS,
  scramKeysOfPassword,
  scramKeysOfToken,
  TOKEN_ITERATIONS,
} from '../../../gateway/devices/scram.ts'
import { createScramUsers } from '../../../gateway/devices/scram-users.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import { clientFinal, serverSignature } from '../../support/scram-client.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** RFC 7677 section 3. */
const RFC_7677 = {
  user: 'user',
  password: 'pencil',
  salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
  iterations: 4096,
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  serverFirst:
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

function setUp() {
  const store = openStore({ path: join(tempFolder(), 'kefu.db') })
  const registry = createRegistry(store)
  const find = createScramUsers({
    registry,
    secret: Buffer.alloc(32, 7),
    isClientOf: (id, clientId) => id === clientId,
  })
  return { registry, find }
}

describe('SCRAM-SHA-256', () => {
  it('gives the exchange of RFC 7677, byte for byte', async () => {
    const { user, password, salt, iterations } = RFC_7677
    const method = createScramMethod({
      find: () => ({
        principal: { id: user },
        ...scramKeysOfToken(password, Buffer.from(salt, 'base64'), iterations),
      }),
      createNonce: () => RFC_7677.serverNonce,
    })
    const exchange = method.start(user)
    const first = await exchange.next(Buffer.from(RFC_7677.clientFirst))
    expect(first).toEqual({ kind: 'continue', data: Buffer.from(RFC_7677.serverFirst) })
    const final = await exchange.next(Buffer.from(RFC_7677.clientFinal))
    expect(final).toEqual({
      kind: 'done',
      principal: { id: user },
      data: Buffer.from(RFC_7677.serverFinal),
    })
  })

  it('is what our own client side computes too', () => {
    const { clientFirst, serverFirst, password } = RFC_7677
    expect(clientFinal(clientFirst, serverFirst, password)).toBe(RFC_7677.clientFinal)
    expect(serverSignature(clientFirst, serverFirst, password)).toBe(RFC_7677.serverFinal)
  })

  it('hides who exists: the same challenge for the same unknown name, and no way through', async () => {
    const { registry, find } = setUp()
    const { token } = registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 1)
    const keysOf = (name: string) => {
      const { salt, iterations } = find(name, name)
      return { salt: salt.toString('hex'), iterations }
    }
    expect(keysOf('nobody')).toEqual(keysOf('nobody'))
    expect(keysOf('nobody').salt).not.toBe(keysOf('nobody-else').salt)
    expect(keysOf('nobody').salt).toHaveLength(keysOf('kiosk-1').salt.length)
    const seen = new Set(Array.from({ length: 40 }, (_, i) => keysOf(`name-${i}`).iterations))
    expect(seen).toEqual(new Set([TOKEN_ITERATIONS, PASSWORD_ITERATIONS]))

    const exchange = createScramMethod({ find }).start('nobody')
    const clientFirst = 'n,,n=nobody,r=abc'
    const first = await exchange.next(Buffer.from(clientFirst))
    if (first.kind !== 'continue') throw new Error('a challenge is expected')
    const answer = clientFinal(clientFirst, first.data.toString(), token)
    expect(await exchange.next(Buffer.from(answer))).toMatchObject({ kind: 'refused' })
  })

  it('finds no keys for a switched-off device, nor under the client id of another', () => {
    const { registry, find } = setUp()
    registry.add({ id: 'kiosk-1', kind: 'kiosk' }, 1)
    expect(find('kiosk-1', 'kiosk-1').principal.kind).toBe('kiosk')
    expect(find('kiosk-1', 'kiosk-2').principal.kind).toBe('nobody')
    registry.setDisabled('kiosk-1', true, 2)
    expect(find('kiosk-1', 'kiosk-1').principal.kind).toBe('nobody')
  })

  it('guards a password with more rounds than a random token', async () => {
    const keys = await scramKeysOfPassword('correct horse battery')
    expect(keys.iterations).toBeGreaterThanOrEqual(600_000)
    expect(keys.storedKey).toHaveLength(32)
  })
})
