/**
 * Preloaded into a built gateway: a thread folds its log from the first pages on, which takes 80 asks a second
 * otherwise. A round has a few hundred, and must meet that thread too.
 */
import { writeFileSync } from 'node:fs'
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const EARLY = { FOLD_PAGES: 20, LONG_LOG_PAGES: 60, FEW_PAGES: 20 }
const STARTED = 'parts.onStart()'

if (isMainThread) {
  register(import.meta.url)
  globalThis.foldsEarly = () => {
    try {
      writeFileSync(process.env.FOLD_MARK, '')
    } catch {
      // The fault of this round has the disk; another round says that the thread started.
    }
  }
}

/** See "Customization hooks" of node:module. */
export async function load(url, context, next) {
  const loaded = await next(url, context)
  if (!url.endsWith('/dist/storage/checkpointer.js')) return loaded
  let source = loaded.source.toString()
  for (const [name, pages] of Object.entries(EARLY)) {
    source = replaced(source, new RegExp(`const ${name} = \\d+`), `const ${name} = ${pages}`)
  }
  return { ...loaded, source: replaced(source, STARTED, `${STARTED}; globalThis.foldsEarly?.()`) }
}

function replaced(source, old, its) {
  const text = source.replace(old, its)
  if (text === source) throw new Error(`the checkpointer has no ${old} any more`)
  return text
}
