/** The commands. */
import { type Command, usual } from './command.ts'
import { print } from './print-report.ts'

const start = usual('start', {
  '': {
    usage: '[--data DIR] [--config FILE] [--demo]',
    takes: ['demo'],
    run: async ({ config, values: { demo: isDemo = false }, io }) =>
      (await import('../main.ts')).runGateway(config(), { isDemo, io }),
  },
})

const reload = usual('reload', {
  '': { usage: '', run: (options) => print(options, 'reload', {}) },
})

const clock = usual('clock', {
  accept: { usage: '', run: (options) => print(options, 'clock.accept', {}) },
})

/** Each loads what it needs when it is called. */
export const COMMANDS: Readonly<Record<string, () => Command | Promise<Command>>> = {
  start: () => start,
  device: async () => (await import('./devices.ts')).device,
  permissions: async () => (await import('./devices.ts')).permissions,
  reload: () => reload,
  twin: async () => (await import('./devices.ts')).twin,
  pack: async () => (await import('./packs.ts')).pack,
  ask: async () => (await import('./ask.ts')).ask,
  announce: async () => (await import('./announce.ts')).announce,
  status: async () => (await import('./status.ts')).status,
  language: async () => (await import('./language.ts')).language,
  ledger: async () => (await import('./ledger.ts')).ledger,
  subject: async () => (await import('./subject.ts')).subject,
  doctor: async () => (await import('./doctor.ts')).doctor,
  clock: () => clock,
  config: async () => (await import('./config.ts')).config,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./backup.ts')).restore,
  'support-bundle': async () => (await import('./support-bundle.ts')).supportBundle,
}
