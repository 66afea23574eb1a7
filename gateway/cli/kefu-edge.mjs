#!/usr/bin/env -S node --max-semi-space-size=8
// The command on the PATH: the compiled command line, built by `npm ci`. A box on site has other uses
// for its memory than V8's young generation, so that is kept at 8 MB (the flag only counts at start).
import { setFlagsFromString } from 'node:v8'

// V8 lets its heap grow to several times what is alive before it collects; half more is enough and
// costs a few per cent of CPU.
setFlagsFromString('--heap-growing-percent=60')

const { main } = await import('../dist/cli/main.js')
process.exitCode = await main(process.argv.slice(2))
