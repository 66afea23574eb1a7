import { credentialsFromCommandLine } from '@kefu-edge/firmware-sim/credentials'
import { expect, it } from 'vitest'
import { announce } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'

it('a simulated kiosk comes beside the real one of its name, which keeps its token', async () => {
  const gateway = await startGateway()
  const real = await gateway.addDevice('kiosk-1', 'kiosk', ['lobby'])
  announce(gateway)
  const takeCredentials = credentialsFromCommandLine(gateway.dataDir)
  for (let run = 1; run <= 2; run++) {
    const simulated = await takeCredentials({ id: 'kiosk-1', kind: 'kiosk' })
    expect(simulated.deviceId).toBe('sim-kiosk-1')
    for (const token of [real, simulated.token]) {
      expect((await gateway.ask(token, { id: `q-${run}`, text: '几点开门' })).status).toBe(200)
    }
  }
}, 60_000)
