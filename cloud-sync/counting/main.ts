/** `npm run counts`: the holder of the counting key makes it, tells the core of it, and reads the sums. */
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { parseArgs } from 'node:util'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { CountingKey, keyIdOf } from '../protocol/counts.ts'
import { parseJson } from '../protocol/parse.ts'
import { type HolderKey, makeHolderKey, readSums } from './holder.ts'

const USAGE = `npm run counts -- …
  make-key FILE                        FILE (private, stays with you) and FILE.pub (for branches and core)
  add-key FILE.pub --core URL --ca PEM --token FILE     tells the core of the public key
  read FILE PERIOD --core URL --ca PEM --token FILE     the sums of a day such as 2026-11-22, as TSV
--token names the core's operator.token, --ca its tls/ca.pem.
`
const OWNER_ONLY = 0o600

const HolderFile = Type.Object({
  ...CountingKey.properties,
  lambda: CountingKey.properties.n,
  mu: CountingKey.properties.n,
})
const SumsAnswer = Type.Object({
  sums: Type.Array(
    Type.Object({
      keyId: Type.String(),
      names: Type.Array(Type.String()),
      gateways: Type.Integer(),
      ciphertexts: Type.Array(Type.String()),
    }),
  ),
})

interface Core {
  readonly url: string
  readonly caPem: Buffer
  readonly token: string
}

class Wrong extends Error {}

async function makeKey(file: string): Promise<void> {
  const key = await makeHolderKey()
  const { n, g } = key
  writeFileSync(file, `${JSON.stringify(key)}\n`, { mode: OWNER_ONLY, flag: 'wx' })
  writeFileSync(`${file}.pub`, `${JSON.stringify({ n, g })}\n`, { flag: 'wx' })
  process.stdout.write(
    `${JSON.stringify({ keyId: keyIdOf({ n, g }), file, pub: `${file}.pub` })}\n`,
  )
}

async function addKey(file: string, core: Core): Promise<void> {
  const { n, g } = read(CountingKey, file)
  process.stdout.write(`${(await call(core, 'POST', '/v1/counts/keys', { n, g })).toString()}\n`)
}

/** One line a counter: period, branches, name, sum. Sums of another key or layout are other blocks. */
async function readPeriod(file: string, period: string, core: Core): Promise<void> {
  const key: HolderKey = read(HolderFile, file)
  const answer = await call(core, 'GET', `/v1/counts/${encodeURIComponent(period)}`)
  const parsed = parseJson(SumsAnswer, answer)
  if (!parsed.ok) throw new Wrong(`not the answer of a core: ${parsed.detail}`)
  const ours = parsed.value.sums.filter(({ keyId }) => keyId === keyIdOf(key))
  if (ours.length === 0) {
    throw new Wrong('no sum of this key for that period: three branches at least must have counted')
  }
  for (const { names, gateways, ciphertexts } of ours) {
    for (const [name, sum] of readSums(key, names, ciphertexts)) {
      process.stdout.write(`${period}\t${gateways}\t${name}\t${sum}\n`)
    }
  }
}

function read<S extends TSchema>(schema: S, file: string): Static<S> {
  const parsed = parseJson(schema, readFileSync(file))
  if (!parsed.ok) throw new Wrong(`${file}: ${parsed.detail}`)
  return parsed.value
}

function call(core: Core, method: 'GET' | 'POST', path: string, body?: object): Promise<Buffer> {
  const { url, caPem, token } = core
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, headers, ca: caPem }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('end', () => {
        const text = Buffer.concat(pieces)
        if ((answer.statusCode ?? 500) < 300) resolve(text)
        else reject(new Wrong(`the core answers ${answer.statusCode}: ${text.toString()}`))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Resolves with the exit code: 0 done, 1 found wrong, 2 used wrong. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { core: { type: 'string' }, ca: { type: 'string' }, token: { type: 'string' } },
  })
  const [verb, file, period] = positionals
  const core = (): Core => {
    const { core: url, ca, token } = values
    if (!url || !ca || !token) throw new TypeError('--core, --ca and --token are needed')
    return { url, caPem: readFileSync(ca), token: readFileSync(token, 'utf8').trim() }
  }
  if (verb === 'make-key' && file) await makeKey(file)
  else if (verb === 'add-key' && file) await addKey(file, core())
  else if (verb === 'read' && file && period) await readPeriod(file, period, core())
  else throw new TypeError('not a command')
  return 0
}

process.exitCode = await main().catch((error: unknown) => {
  const isUsage = error instanceof TypeError
  process.stderr.write(isUsage ? USAGE : `${error instanceof Error ? error.message : error}\n`)
  return isUsage ? 2 : 1
})
