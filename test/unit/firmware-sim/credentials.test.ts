import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CredentialsError,
  credentialsFromFile,
  parseCredentials,
} from '@kefu-edge/firmware-sim/credentials'
import { expect, test } from 'vitest'
import { fileFolder } from '../../support/temp-folder.ts'

const folder = fileFolder()

test('tokens are read as a list and as printed lines, with either name of the id', () => {
  const list = '[{"deviceId":"a","token":"t1","kind":"kiosk"}]'
  const lines =
    '{\n  "id": "a",\n  "token": "t1",\n  "kind": "kiosk"\n}\n{"deviceId":"b","token":"t2"}\n'
  expect(parseCredentials(list, 'f')).toEqual([{ deviceId: 'a', token: 't1', kind: 'kiosk' }])
  expect(parseCredentials(lines, 'f').map((c) => c.deviceId)).toEqual(['a', 'b'])
  for (const wrong of ['[{"token":5}]', 'kd_token'])
    expect(() => parseCredentials(wrong, 'tokens.json')).toThrow(CredentialsError)
})

test('each token is handed out once: the named device first, then any of its kind', async () => {
  const path = join(folder, 'tokens.json')
  writeFileSync(
    path,
    '[{"deviceId":"k1","token":"t1","kind":"kiosk"},{"deviceId":"k2","token":"t2","kind":"kiosk"}]',
  )
  const take = credentialsFromFile(path)
  expect((await take({ id: 'k2', kind: 'kiosk' })).token).toBe('t2')
  expect((await take({ id: 'k9', kind: 'kiosk' })).token).toBe('t1')
  expect(() => take({ id: 'k3', kind: 'kiosk' })).toThrow(/device add k3 --kind kiosk/)
})
