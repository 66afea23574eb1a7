import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const WORKSPACES = ['device-sdk', 'cloud-sync', 'gateway', 'firmware-sim']

/** Every source file with what it imports: workspace paths for our own, package names for others. */
function readImports(): Map<string, string[]> {
  const files = WORKSPACES.flatMap((workspace) =>
    readdirSync(join(root, workspace), { recursive: true, encoding: 'utf8' })
      .map((file) => join(workspace, file))
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
      .filter((file) => !/(^|\/)(dist|node_modules)\//.test(file)),
  )
  return new Map(files.map((file) => [file, importsOf(file)]))
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const specifiers = [
    ...text.matchAll(/^\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'/gm),
    ...text.matchAll(/^\s*import\s+'([^']+)'/gm),
    ...text.matchAll(/\b(?:import|require)\(\s*'([^']+)'\s*\)/g),
  ].map((match) => match[1] ?? '')
  return specifiers.map((specifier) => {
    if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier))
    const own = /^@kefu-edge\/(device-sdk|cloud-sync|firmware-sim)(?:\/(.*))?$/.exec(specifier)
    if (own) return `${own[1]}/${own[2] ?? 'client/node'}.ts`
    return specifier
  })
}

const imports = readImports()
const inRoom = (room: string) => [...imports].filter(([file]) => file.startsWith(`${room}/`))
const violations = (room: string, isWrong: (target: string, file: string) => boolean) =>
  inRoom(room).flatMap(([file, targets]) =>
    targets.filter((target) => isWrong(target, file)).map((target) => `${file} → ${target}`),
  )

describe('the rules of the house', () => {
  it('reads a house that has rooms', () => {
    expect(imports.size).toBeGreaterThan(60)
    expect(importsOf('gateway/answer-turn.ts')).toContain('gateway/turn.ts')
  })

  it.each(['device-sdk', 'cloud-sync'])(
    '%s imports nothing of the gateway or of the others',
    (room) => {
      const others = [...WORKSPACES, 'kefu-edge'].filter((name) => name !== room)
      expect(
        violations(room, (target) => others.some((other) => target.startsWith(other))),
      ).toEqual([])
    },
  )

  it('firmware-sim imports only device-sdk', () => {
    expect(
      violations('firmware-sim', (target) => /^(gateway|cloud-sync|kefu-edge)/.test(target)),
    ).toEqual([])
  })

  it('the device client in a browser reaches nothing of Node', () => {
    const reached = reachableFrom('device-sdk/client/browser.ts')
    const wrong = reached.filter((file) =>
      /^import\s[^'"]*'node:/m.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(wrong).toEqual([])
  })

  it('every file is reached from where a program, a worker or a tool starts', () => {
    const reached = new Set([...imports.keys()].filter(isStart))
    for (const file of reached) for (const target of startedOrImported(file)) reached.add(target)
    expect([...imports.keys()].filter((file) => !reached.has(file))).toEqual([])
  })

  it('only storage imports the SQLite driver', () => {
    const allowed = /^(gateway\/storage\/|cloud-sync\/(sqlite-driver|core\/storage))/
    const wrong = [...imports].filter(
      ([file, targets]) =>
        targets.some((target) => target.startsWith('better-sqlite3')) && !allowed.test(file),
    )
    expect(wrong.map(([file]) => file)).toEqual([])
  })

  it('only config reads the environment', () => {
    const wrong = inRoom('gateway')
      .filter(
        ([file]) =>
          file !== 'gateway/config/environment.ts' &&
          /process\.env\b/.test(readFileSync(join(root, file), 'utf8')),
      )
      .map(([file]) => file)
    expect(wrong).toEqual([])
  })

  it('language does no I/O', () => {
    const io =
      /^node:(fs|net|http|https|child_process|dgram|tls|dns)|^(better-sqlite3|ws|mqtt|aedes)$/
    expect(violations('gateway/language', (target) => io.test(target))).toEqual([])
  })

  it('stages do not call each other: answer-turn alone knows the order', () => {
    const stages = [
      'language',
      'skills',
      'voice',
      'ledger',
      'dialogue',
      'knowledge',
      'channels',
      'devices',
    ]
    const allowed = new Set([
      // Types and pure helpers that one room publishes for the next.
      'skills>knowledge',
      'skills>dialogue',
      'skills>ledger',
      'dialogue>knowledge',
      'dialogue>language',
      'knowledge>language',
      'language>knowledge',
      'knowledge>ledger',
      'voice>ledger',
      'channels>devices',
      'channels>ledger',
    ])
    const wrong = stages.flatMap((stage) =>
      violations(`gateway/${stage}`, (target) => {
        const other = stages.find((name) => target.startsWith(`gateway/${name}/`))
        return other !== undefined && other !== stage && !allowed.has(`${stage}>${other}`)
      }),
    )
    expect(wrong).toEqual([])
  })

  it('a room of the MQTT engine stands on the rooms below it, none on one above', () => {
    const mqtt = 'gateway/channels/mqtt'
    const rooms = ['routing', 'queues', 'sessions', 'connection']
    const wrong = rooms.flatMap((room, floor) =>
      inRoom(`${mqtt}/${room}`).flatMap(([file]) =>
        runtimeImports(file)
          .filter((target) =>
            rooms.slice(floor + 1).some((r) => target.startsWith(`${mqtt}/${r}/`)),
          )
          .map((target) => `${file} → ${target}`),
      ),
    )
    expect(wrong).toEqual([])
  })

  it('how a text is read aloud knows nothing of devices, queues or sounds', () => {
    const isOther = (target: string) =>
      imports.has(target) && !/^gateway\/(voice\/reading\/|errors\.ts)/.test(target)
    expect(inRoom('gateway/voice/reading').length).toBeGreaterThan(20)
    expect(violations('gateway/voice/reading', isOther)).toEqual([])
  })

  it.each(WORKSPACES)('%s declares the packages that it imports, and no other', (room) => {
    const manifest = JSON.parse(readFileSync(join(root, room, 'package.json'), 'utf8')) as Manifest
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
    const imported = new Set(inRoom(room).flatMap(([, targets]) => targets.flatMap(packageOf)))
    const undeclared = [...imported].filter((name) => !(name in { ...manifest.devDependencies }))
    expect(declared.filter((name) => !imported.has(name) && !isOwn(name))).toEqual([])
    expect(undeclared.filter((name) => !declared.includes(name))).toEqual([])
  })

  it('no file imports itself through others', () => {
    expect(findCycles()).toEqual([])
  })
})

type Manifest = Partial<
  Record<'dependencies' | 'optionalDependencies' | 'devDependencies', Record<string, string>>
>
const isOwn = (name: string) => name.startsWith('@kefu-edge/')

/** The package of a specifier that is neither ours nor Node's own. */
function packageOf(specifier: string): string[] {
  if (specifier.startsWith('node:') || specifier.endsWith('.ts')) return []
  return [/^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier]
}

/** Cycles among run-time imports; `import type` is erased and cannot make one. */
function findCycles(): string[] {
  const cycles: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (file: string, path: string[]) => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    state.set(file, 'open')
    for (const target of runtimeImports(file))
      if (imports.has(target)) visit(target, [...path, file])
    state.set(file, 'done')
  }
  for (const file of imports.keys()) visit(file, [])
  return cycles
}

function reachableFrom(start: string): string[] {
  const reached = new Set<string>([start])
  for (const file of reached) {
    for (const target of runtimeImports(file)) if (imports.has(target)) reached.add(target)
  }
  return [...reached]
}

/** What people and scripts start, and what the packages of the device SDK hand out. */
const isStart = (file: string): boolean =>
  /(^|\/)main\.ts$|\/tools\/|^device-sdk\/client\/(node|browser)\.ts$/.test(file)

/** A worker is named by its compiled file, beside the file that starts it. */
function startedOrImported(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const started = [...text.matchAll(/'(\.\/[\w-]+-worker)\.js'/g)].map((match) =>
    normalize(join(dirname(file), `${match[1]}.ts`)),
  )
  return [...(imports.get(file) ?? []), ...started].filter((target) => imports.has(target))
}

function runtimeImports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/^(?:import|export)\s(?!type\b)[^'"]*?from\s+'(\.[^']+)'/gm)].map(
    (match) => normalize(join(dirname(file), match[1] ?? '')),
  )
}
