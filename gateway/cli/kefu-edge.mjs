#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=4 --interrupt-budget=33000 --v8-pool-size=1
// The command on the PATH: the compiled command line, built by `npm ci`. A box on site has other uses
// for its memory than V8's young generation, so that is kept at 4 MB (the flag only counts at start), and
// than an arena of glibc's malloc for every thread, which would hold some 10 MB. One thread helps V8 to
// collect and to compile: four of them, as many as Node has unless told otherwise, take both cores from
// whoever asks while a backlog leaves garbage. A box on site has few asks an hour: V8 optimizes what is called
// after a quarter of the work that it waits for otherwise, so that it is warm sooner.
import { setFlagsFromString } from 'node:v8'

// V8 lets its heap grow to several times what is alive before it collects; not quite twice costs hardly any
// CPU and keeps a busy box under 150 MB.
setFlagsFromString('--heap-growing-percent=80')
// Answers are 1 to 2 kB on the wire: Node's slabs of 8 kB would be made anew for every few of them.
Buffer.poolSize = 64 * 1024

const { main } = await import('../dist/cli/main.js')
process.exitCode = await main(process.argv.slice(2))
