/** Global setup of a run: a folder for the models that its test files learn, removed at its end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    learntModels: string
  }
}

export default function setup({ provide }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'kefu-models-'))
  provide('learntModels', folder)
  return () => rmSync(folder, { recursive: true, force: true })
}
