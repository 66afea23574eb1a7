/** RIFF WAVE, PCM, mono, 16 bits: the one form of sound that every device plays. */
import type { Sound } from './speech-engine.ts'

const HEADER_BYTES = 44
const BYTES_PER_SAMPLE = 2

/**
 * Sound of a WAV that was written to a pipe: its sizes are not to be trusted, so data reaches to the end.
 * Throws when it is not mono PCM of 16 bits.
 */
export function readWav(wav: Buffer): Sound {
  const isWav = wav.length >= HEADER_BYTES && wav.toString('latin1', 0, 4) === 'RIFF'
  const data = isWav ? wav.indexOf('data', 12, 'latin1') : -1
  if (data < 0) throw new Error('not a WAV')
  const isMonoPcm16 =
    wav.readUInt16LE(20) === 1 && wav.readUInt16LE(22) === 1 && wav.readUInt16LE(34) === 16
  if (!isMonoPcm16) throw new Error('not mono PCM of 16 bits')
  const length = wav.length - (data + 8)
  return {
    pcm: wav.subarray(data + 8, data + 8 + length - (length % BYTES_PER_SAMPLE)),
    sampleRateHz: wav.readUInt32LE(24),
  }
}

export function writeWav({ pcm, sampleRateHz }: Sound): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(HEADER_BYTES - 8 + pcm.length, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(sampleRateHz, 24)
  header.writeUInt32LE(sampleRateHz * BYTES_PER_SAMPLE, 28)
  header.writeUInt16LE(BYTES_PER_SAMPLE, 32)
  header.writeUInt16LE(BYTES_PER_SAMPLE * 8, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(pcm.length, 40)
  return Buffer.concat([header, pcm])
}

export const silence = (ms: number, sampleRateHz: number): Buffer =>
  Buffer.alloc(Math.round((ms * sampleRateHz) / 1000) * BYTES_PER_SAMPLE)

export const durationMsOf = ({ pcm, sampleRateHz }: Sound): number =>
  Math.round((pcm.length / BYTES_PER_SAMPLE / sampleRateHz) * 1000)
