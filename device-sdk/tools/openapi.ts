/** OpenAPI 3.1: what a device and an operator's monitoring reach over HTTP. */
import { componentSchemas, type JsonObject } from './contract-schemas.ts'

const schemaRef = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const json = (name: string) => ({ 'application/json': { schema: schemaRef(name) } })
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: schemaRef('Problem') } },
})
const text = (description: string) => ({
  description,
  content: { 'text/plain': { schema: { type: 'string' } } },
})

const REFUSALS = {
  '400': problem('The bytes are not JSON, not UTF-8, or nested too deeply'),
  '401': problem('No token, or one that is not known'),
  '403': problem('The device is switched off, or the session belongs to another subject'),
  '413': problem('The message is too large'),
  '415': problem('The content type is not supported'),
  '422': problem('A field is missing or has the wrong type; `field` names it'),
  '429': problem('The device sends faster than it may; send again later, with the same id'),
  '503': problem('The gateway is busy or cannot write; send again later, with the same id'),
}

function askPath(): JsonObject {
  return {
    post: {
      operationId: 'ask',
      summary: 'Ask one question and get its answer',
      description:
        'Idempotent by the token’s device and the `id` of the ask: sent again, it gets the same answer, and is recorded once.',
      security: [{ deviceToken: [] }, { deviceLogin: [] }],
      requestBody: {
        required: true,
        content: {
          ...json('Ask'),
          'application/msgpack': { schema: schemaRef('Ask') },
        },
      },
      responses: {
        '200': { description: 'The answer, after it was recorded', content: json('Answer') },
        ...REFUSALS,
      },
    },
  }
}

function enrollPath(): JsonObject {
  return {
    post: {
      operationId: 'enroll',
      summary: 'Exchange a claim code for the device’s credentials',
      security: [],
      requestBody: { required: true, content: json('EnrollRequest') },
      responses: {
        '201': {
          description: 'The credentials; the token is shown once',
          content: json('Credentials'),
        },
        '403': problem('The claim code is wrong, used or out of date'),
        '409': problem('A device of this id exists'),
        '422': REFUSALS['422'],
      },
    },
  }
}

function audioPath(): JsonObject {
  const bytes = (type: string) => ({ [type]: { schema: {} } })
  return {
    get: {
      operationId: 'speechAudio',
      summary: 'Speech that the gateway has made',
      security: [{ deviceToken: [] }, { deviceLogin: [] }],
      parameters: [
        {
          name: 'id',
          in: 'path',
          required: true,
          schema: { type: 'string' },
          description: 'As in `audio.url`, or the id of a speech that this device was sent',
        },
      ],
      responses: {
        '200': {
          description: 'The sound; its type, length and SHA-256 stand in the speech’s `audio`',
          content: bytes('audio/wav'),
        },
        '401': REFUSALS['401'],
        '404': problem('There is no such sound'),
      },
    },
  }
}

const monitoring = (operationId: string, summary: string, more: JsonObject): JsonObject => ({
  get: { operationId, summary, security: [], responses: more },
})

export function openApi(version: string): JsonObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kefu Edge: HTTP',
      version,
      description: 'For devices that ask over HTTP, and for monitoring. See CONTRACT.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:8080' }],
    paths: {
      '/v1/ask': askPath(),
      '/v1/enroll': enrollPath(),
      '/v1/speech/{id}/audio': audioPath(),
      '/healthz': monitoring('healthz', 'Whether the process is alive', {
        '200': { description: 'Alive' },
      }),
      '/readyz': monitoring('readyz', 'Whether it can take questions', {
        '200': { description: 'Ready' },
        '503': { description: 'Not ready' },
      }),
      '/metrics': monitoring('metrics', 'Figures in the text format of Prometheus', {
        '200': text('The figures'),
      }),
    },
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        deviceToken: { type: 'http', scheme: 'bearer', description: 'The device’s token' },
        deviceLogin: {
          type: 'http',
          scheme: 'basic',
          description: 'Device id with its token, or with the password of staff',
        },
      },
    },
  }
}
