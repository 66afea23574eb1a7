#!/usr/bin/env node
// The command on the PATH: the compiled command line, built by `npm ci`.
import { main } from '../dist/cli/main.js'

process.exitCode = await main(process.argv.slice(2))
