/** The commands of the holder of the counting key: make it, tell the core of it, read the sums. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type CoreAccess, callCore, textOf, usingFile } from '../core/cli/core-access.ts'
import type { Terminal } from '../core/cli/terminal.ts'
import { CloudError } from '../errors.ts'
import { CountingKey, keyIdOf, Period } from '../protocol/counts.ts'
import { parseJson } from '../protocol/parse.ts'
import { type HolderKey, isWhole, makeHolderKey, readSums } from './holder.ts'

const USAGE = `npm run counts -- …
  make-key FILE                        FILE (private, stays with you) and FILE.pub (for branches and core)
  add-key FILE.pub --core URL --ca PEM --token FILE     tells the core of the public key
  read FILE PERIOD --core URL --ca PEM --token FILE     the sums of a day such as 2026-11-22, as TSV
--token names the core's operator.token, --ca its tls/ca.pem.
Read once all branches have counted: what was read grows by three branches or more, never by one.
`
const OWNER_ONLY = 0o600
const FOR_ALL = 0o644
/** How a gateway names the counters that its configuration adds. */
const INTENT = 'intent.'

const HolderFile = Type.Object({
  ...CountingKey.properties,
  lambda: CountingKey.properties.n,
  mu: CountingKey.properties.n,
})
const Counted = Type.Object({
  keyId: Type.String(),
  names: Type.Array(Type.String()),
  gateways: Type.Integer(),
})
const SumsAnswer = Type.Object({
  sums: Type.Array(
    Type.Composite([Counted, Type.Object({ ciphertexts: Type.Array(Type.String()) })]),
  ),
  waiting: Type.Array(Counted),
})

async function makeKey(file: string, terminal: Terminal): Promise<void> {
  // Before the seconds that a key takes, and before one of the two files is written without the other.
  for (const name of [file, `${file}.pub`]) {
    if (existsSync(name)) throw new CloudError('counts.file', { detail: `${name}: EEXIST` })
  }
  const key = await makeHolderKey()
  const { n, g } = key
  const write = (name: string, value: object, mode: number) =>
    usingFile('counts.file', name, () =>
      writeFileSync(name, `${JSON.stringify(value)}\n`, { mode, flag: 'wx' }),
    )
  write(file, key, OWNER_ONLY)
  write(`${file}.pub`, { n, g }, FOR_ALL)
  terminal.out(`${JSON.stringify({ keyId: keyIdOf({ n, g }), file, pub: `${file}.pub` })}\n`)
}

async function addKey(file: string, core: CoreAccess, terminal: Terminal): Promise<void> {
  const { n, g } = read(CountingKey, file)
  terminal.out(`${(await callCore(core, 'POST', '/v1/counts/keys', { n, g })).toString()}\n`)
}

/** One line a counter: period, branches, name, sum. Sums of another layout are other blocks. */
async function readPeriod(
  file: string,
  period: string,
  core: CoreAccess,
  terminal: Terminal,
): Promise<void> {
  const key: HolderKey = read(HolderFile, file)
  if (!isWhole(key)) {
    throw new CloudError('counts.file', { detail: `${file}: its private part is of another key` })
  }
  const answer = await callCore(core, 'GET', `/v1/counts/${encodeURIComponent(period)}`)
  const parsed = parseJson(SumsAnswer, answer)
  if (!parsed.ok) {
    throw new CloudError('link.no-answer', { detail: `${core.url}: ${parsed.detail}` })
  }
  const isOurs = ({ keyId }: { keyId: string }) => keyId === keyIdOf(key)
  const ours = parsed.value.sums.filter(isOurs)
  for (const { names, gateways, ciphertexts } of ours) {
    for (const [name, sum] of readSums(key, names, ciphertexts)) {
      terminal.out(`${period}\t${gateways}\t${name}\t${sum}\n`)
    }
  }
  for (const { keyId, names, gateways } of parsed.value.waiting) {
    const intents = names.filter((name) => name.startsWith(INTENT)).join(' ')
    const what = isOurs({ keyId }) ? `counted ${intents}` : `counted with the key ${keyId}`
    terminal.err(`${period}: in no sum yet: ${gateways} that ${what}\n`)
  }
  if (ours.length === 0) throw new CloudError('counts.no-sum', { detail: period })
}

function read<S extends TSchema>(schema: S, file: string): Static<S> {
  const parsed = parseJson(
    schema,
    usingFile('counts.file', file, () => readFileSync(file)),
  )
  if (!parsed.ok) throw new CloudError('counts.file', { detail: `${file}: ${parsed.detail}` })
  return parsed.value
}

/** Resolves with the exit code: 0 done, 1 found wrong, 2 used wrong. */
export async function counts(argv: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  try {
    await run(argv, terminal)
    return 0
  } catch (error) {
    const isUsage = error instanceof TypeError
    terminal.err(isUsage ? USAGE : `${textOf(error)}\n`)
    return isUsage ? 2 : 1
  }
}

async function run(argv: readonly string[], terminal: Terminal): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { core: { type: 'string' }, ca: { type: 'string' }, token: { type: 'string' } },
  })
  const [verb, file, period] = positionals
  const core = (): CoreAccess => {
    const { core: url, ca, token } = values
    if (!url || !ca || !token) throw new TypeError('--core, --ca and --token are needed')
    const caPem = usingFile('counts.file', ca, () => readFileSync(ca))
    const read = usingFile('counts.file', token, () => readFileSync(token, 'utf8'))
    return { url, caPem, token: read.trim() }
  }
  if (verb === 'make-key' && file) await makeKey(file, terminal)
  else if (verb === 'add-key' && file) await addKey(file, core(), terminal)
  else if (verb === 'read' && file && Value.Check(Period, period))
    await readPeriod(file, period, core(), terminal)
  else throw new TypeError('not a command')
}
