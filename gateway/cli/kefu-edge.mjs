#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=4 --v8-pool-size=1
// The command on the PATH: the compiled command line, built by `npm ci`. A box on site has other uses
// for its memory than V8's young generation, so that is kept at 4 MB (the flag only counts at start), and
// than an arena of glibc's malloc for every thread, which would hold some 10 MB. One thread helps V8 to
// collect and to compile: four of them, as many as Node has unless told otherwise, take both cores from
// whoever asks while a backlog leaves garbage.
import { setDefaultHighWaterMark } from 'node:stream'
import { setFlagsFromString } from 'node:v8'

// V8 lets its heap grow to several times what is alive before it collects; not quite twice costs hardly any
// CPU and keeps a busy box under 150 MB.
setFlagsFromString('--heap-growing-percent=80')
// A box on site has few asks an hour, and is warm sooner if V8 optimizes after half the work that it waits for
// otherwise. Node 22 and later have a compiler for that, and no such flag.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--interrupt-budget=33000')
// Answers are 1 to 2 kB on the wire: Node's slabs of 8 kB would be made anew for every few of them.
Buffer.poolSize = 64 * 1024
// From Node 22 on a stream holds 64 KB before it calls its reader slow, and says `drain` to none that is faster. The
// broker goes on where 32 KB are left of a retained message, so it counts with what Node 20 has.
setDefaultHighWaterMark(false, 16 * 1024)

// A reload (SIGHUP) that is asked of a gateway while its program is still being read would end it; all is read anew then.
const [verb, ...options] = process.argv.slice(2)
if (verb === 'start' && !options.includes('--demo')) process.on('SIGHUP', () => {})

const { main } = await import('../dist/cli/main.js')
process.exitCode = await main(process.argv.slice(2))
