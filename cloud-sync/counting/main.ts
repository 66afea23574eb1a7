/** `npm run counts`: the holder of the counting key makes it, tells the core of it, and reads the sums. */
import { processTerminal } from '../core/cli/terminal.ts'
import { counts } from './tool.ts'

process.exitCode = await counts(process.argv.slice(2), processTerminal)
