/**
 * The wire contract, v1: one schema per message.
 *
 * These schemas are the source of the TypeScript types, of AsyncAPI, OpenAPI and JSON Schema, and of
 * the checks at the edge. Unknown fields are ignored; a missing or ill-typed one is refused.
 */
import { type Static, type TObject, type TSchema, type TUnsafe, Type } from '@sinclair/typebox'

/** Largest message of either side, encoded: a twin or an ask with ten alternatives stays far below it. */
export const MAX_MESSAGE_BYTES = 65_536
/** Longest question the gateway reads, in characters; longer speech is not one question. */
export const MAX_ASK_TEXT_CHARS = 1000
/** Hypotheses of one recogniser result that are looked at. */
export const MAX_ALTERNATIVES = 10

const oneOf = <const V extends readonly string[]>(values: V, description: string) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { description },
  ) as TSchema as TUnsafe<V[number]>

const DateTime = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2})$',
  description: 'ISO 8601 date and time with offset',
})
const MessageId = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[\\x21-\\x7e]+$',
  description: '1–64 visible ASCII characters; chosen by the sender',
})
export const DeviceId = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  description: 'Device id; also the MQTT client id',
})
const LanguageTag = Type.String({
  pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
  maxLength: 35,
  description: 'BCP 47 language tag',
})
const Unit = Type.Number({ minimum: 0, maximum: 1 })
const Scalar = Type.Union([
  Type.String({ maxLength: 2000 }),
  Type.Number(),
  Type.Boolean(),
  Type.Null(),
])

export const SUBJECT_KINDS = ['patient', 'customer', 'student', 'visitor', 'staff'] as const
export const Subject = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 128 }),
    kind: oneOf(SUBJECT_KINDS, 'Whom the session is about'),
  },
  { description: 'The person the turn is about' },
)
export type Subject = Static<typeof Subject>

export const Attachment = Type.Object({
  id: MessageId,
  contentType: Type.String({ minLength: 3, maxLength: 127 }),
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  name: Type.Optional(Type.String({ maxLength: 255 })),
})

const AskFields = {
  id: MessageId,
  lang: Type.Optional(LanguageTag),
  session: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  subject: Type.Optional(Subject),
  at: Type.Optional(DateTime),
  form: Type.Optional(
    Type.Object(
      {
        name: Type.String({ maxLength: 64 }),
        values: Type.Record(Type.String({ maxLength: 64 }), Scalar),
      },
      { description: 'A filled form in place of words' },
    ),
  ),
  attachments: Type.Optional(Type.Array(Attachment, { maxItems: 10 })),
}

export const Ask = Type.Object(
  {
    ...AskFields,
    text: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_ASK_TEXT_CHARS,
        description: 'What the person said',
      }),
    ),
    alternatives: Type.Optional(
      Type.Array(
        Type.Object({
          text: Type.String({ minLength: 1, maxLength: MAX_ASK_TEXT_CHARS }),
          confidence: Unit,
        }),
        {
          minItems: 1,
          maxItems: MAX_ALTERNATIVES,
          description: "A recogniser's n-best list, in place of text",
        },
      ),
    ),
  },
  {
    $id: 'Ask',
    description: 'One question in: `text`, or `alternatives`, or `form`',
    // For readers of the JSON Schema; the gateway says it in words of its own.
    anyOf: [{ required: ['text'] }, { required: ['alternatives'] }, { required: ['form'] }],
  },
)
export type Ask = Static<typeof Ask>

export const PRIORITIES = ['critical', 'urgent', 'normal', 'background'] as const
export type Priority = (typeof PRIORITIES)[number]

export const Speech = Type.Object(
  {
    id: MessageId,
    text: Type.String({
      minLength: 1,
      maxLength: 4000,
      description: 'Plain words, as a screen shows them',
    }),
    ssml: Type.String({ description: 'W3C SSML 1.1 document' }),
    lang: LanguageTag,
    voice: Type.Optional(
      Type.Object({
        name: Type.Optional(Type.String({ maxLength: 64 })),
        rate: Type.Optional(Type.Number({ minimum: 0.2, maximum: 3, description: '1 = normal' })),
        pitch: Type.Optional(Type.Number({ minimum: 0.5, maximum: 2, description: '1 = normal' })),
        volume: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
      }),
    ),
    priority: oneOf(PRIORITIES, 'Class in the announcer: who may interrupt whom'),
    bargeIn: Type.Boolean({ description: 'Whether the listener may talk over it' }),
    chime: Type.Optional(Type.String({ maxLength: 64 })),
    repeat: Type.Optional(
      Type.Object({
        times: Type.Integer({ minimum: 1, maximum: 100 }),
        everySeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
        untilAcknowledged: Type.Boolean(),
      }),
    ),
    notBefore: Type.Optional(DateTime),
    expiresAt: DateTime,
    audio: Type.Optional(
      Type.Object({
        url: Type.String({ maxLength: 2000 }),
        contentType: Type.String({ maxLength: 127 }),
        bytes: Type.Integer({ minimum: 0 }),
        durationMs: Type.Integer({ minimum: 0 }),
        sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      }),
    ),
    lexicon: Type.Optional(
      Type.Array(Type.Object({ text: Type.String(), pinyin: Type.String() }), { maxItems: 50 }),
    ),
    display: Type.Optional(Type.String({ maxLength: 2000 })),
  },
  { $id: 'Speech', description: 'The voice-broadcast payload' },
)
export type Speech = Static<typeof Speech>

export const ANSWER_STATUSES = [
  'answered',
  'need-input',
  'clarify',
  'forwarded',
  'handed-off',
  'not-known',
] as const
export type AnswerStatus = (typeof ANSWER_STATUSES)[number]
export const ANSWER_SOURCES = ['local', 'cloud', 'rule', 'person'] as const
export type AnswerSource = (typeof ANSWER_SOURCES)[number]

export const Card = Type.Object({
  kind: Type.String({ maxLength: 32 }),
  title: Type.Optional(Type.String({ maxLength: 200 })),
  lines: Type.Optional(Type.Array(Type.String({ maxLength: 500 }), { maxItems: 50 })),
})

export const Answer = Type.Object(
  {
    id: MessageId,
    inReplyTo: MessageId,
    session: Type.String({ minLength: 1, maxLength: 64 }),
    turn: Type.Integer({ minimum: 1, description: 'Number of this turn in its session, from 1' }),
    status: oneOf(ANSWER_STATUSES, 'What kind of answer this is'),
    intent: Type.Optional(
      Type.Object({
        name: Type.String(),
        confidence: Unit,
        source: oneOf(ANSWER_SOURCES, 'Who answered'),
      }),
    ),
    slots: Type.Optional(Type.Record(Type.String(), Scalar)),
    text: Type.String({ minLength: 1 }),
    cards: Type.Optional(Type.Array(Card, { maxItems: 20 })),
    suggestions: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 10 })),
    speech: Type.Optional(Speech),
    pack: Type.Optional(
      Type.Object({ name: Type.String(), version: Type.String(), entry: Type.String() }),
    ),
    latencyMs: Type.Number({ minimum: 0, description: 'Time inside the gateway, milliseconds' }),
  },
  { $id: 'Answer', description: 'The answer to one ask' },
)
export type Answer = Static<typeof Answer>

export const PLAY_STATES = [
  'queued',
  'playing',
  'played',
  'acknowledged',
  'skipped',
  'failed',
] as const
export type PlayState = (typeof PLAY_STATES)[number]
export const PlayReport = Type.Object(
  {
    id: MessageId,
    speech: MessageId,
    state: oneOf(PLAY_STATES, 'How far the device got with the speech'),
    at: DateTime,
    reason: Type.Optional(Type.String({ maxLength: 500 })),
  },
  { $id: 'PlayReport', description: 'Proof of play' },
)
export type PlayReport = Static<typeof PlayReport>

export const Feedback = Type.Object(
  {
    id: MessageId,
    answer: Type.Optional(MessageId),
    inReplyTo: Type.Optional(MessageId),
    rating: oneOf(['up', 'down'], 'Whether the answer helped'),
    comment: Type.Optional(Type.String({ maxLength: 1000 })),
    at: Type.Optional(DateTime),
  },
  { $id: 'Feedback', description: 'What the person thought of an answer' },
)
export type Feedback = Static<typeof Feedback>

export const DeviceEvent = Type.Object(
  {
    id: MessageId,
    kind: oneOf(['button', 'sensor', 'alarm', 'scan', 'attachment'], 'What happened'),
    name: Type.Optional(Type.String({ maxLength: 64 })),
    values: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Scalar)),
    subject: Type.Optional(Subject),
    attachment: Type.Optional(Attachment),
    at: Type.Optional(DateTime),
  },
  { $id: 'Event', description: 'Something that happened at the device' },
)
export type DeviceEvent = Static<typeof DeviceEvent>

/** Below 2^53, where integers of JSON stop being exact, by more than any device counts on from there. */
const MAX_TWIN_VERSION = 9_000_000_000_000_000
export const TwinVersion = Type.Integer({ minimum: 0, maximum: MAX_TWIN_VERSION })

export const TwinState = Type.Object(
  {
    version: Type.Optional(TwinVersion),
    state: Type.Record(Type.String({ maxLength: 64 }), Type.Unknown()),
    at: Type.Optional(DateTime),
  },
  { $id: 'TwinState', description: 'Desired or reported state of the device' },
)
export type TwinState = Static<typeof TwinState>

export const Presence = Type.Object(
  {
    online: Type.Boolean(),
    since: DateTime,
    reason: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { $id: 'Presence', description: 'Whether the device is connected, and since when' },
)
export type Presence = Static<typeof Presence>

export const GatewayTime = Type.Object(
  { time: DateTime },
  {
    $id: 'GatewayTime',
    description: 'What the clock of the gateway shows now; told anew when it has been set',
  },
)
export type GatewayTime = Static<typeof GatewayTime>

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'URI reference of the problem type' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 100, maximum: 599 }),
    detail: Type.String(),
    code: Type.String({ description: 'Stable code, listed in the operator manual' }),
    inReplyTo: Type.Optional(Type.String()),
    field: Type.Optional(Type.String({ description: 'JSON Pointer of the field that was wrong' })),
  },
  { $id: 'Problem', description: 'A refusal, said aloud (RFC 9457)' },
)
export type Problem = Static<typeof Problem>

export const EnrollRequest = Type.Object(
  {
    claim: Type.String({
      minLength: 6,
      maxLength: 64,
      description: 'Claim code shown by the gateway',
    }),
    deviceId: Type.Optional(DeviceId),
  },
  { $id: 'EnrollRequest', description: 'A new device shows its claim code' },
)
export type EnrollRequest = Static<typeof EnrollRequest>

export const Credentials = Type.Object(
  { deviceId: DeviceId, token: Type.String(), kind: Type.String() },
  { $id: 'Credentials', description: 'What a device needs to connect' },
)
export type Credentials = Static<typeof Credentials>

export const Hello = Type.Object(
  {
    type: Type.Literal('hello'),
    deviceId: DeviceId,
    token: Type.String({ maxLength: 512, description: 'The token of the device, or a password' }),
  },
  { $id: 'Hello', description: 'First WebSocket frame, within 5 s' },
)
export type Hello = Static<typeof Hello>
export const Welcome = Type.Object(
  {
    type: Type.Literal('welcome'),
    deviceId: DeviceId,
    server: Type.String(),
    time: DateTime,
    maxFrameBytes: Type.Integer(),
  },
  { $id: 'Welcome', description: 'The gateway knows the device' },
)
export type Welcome = Static<typeof Welcome>

export const Ack = Type.Object(
  {
    type: Type.Literal('ack'),
    inReplyTo: Type.Optional(MessageId),
  },
  {
    $id: 'Ack',
    description:
      'WebSocket only: the message with this id is on disk (what PUBACK is on MQTT). `reported` has no id, and its ack names none; an ask is acknowledged by its answer',
  },
)
export type Ack = Static<typeof Ack>

export const Ping = Type.Object(
  { type: Type.Literal('ping') },
  { $id: 'Ping', description: 'WebSocket only: is the gateway there? It answers with `time`' },
)

/** What a device may send, by the last segment of its topic (WebSocket: by `type`). */
export const UPSTREAM = {
  ask: Ask,
  played: PlayReport,
  feedback: Feedback,
  event: DeviceEvent,
  reported: TwinState,
} as const satisfies Record<string, TObject>
export type UpstreamName = keyof typeof UPSTREAM
export const isUpstreamName = (name: string): name is UpstreamName => Object.hasOwn(UPSTREAM, name)

/** What the gateway sends to a device, by the last segment of its topic. */
export const DOWNSTREAM = {
  answer: Answer,
  speech: Speech,
  desired: TwinState,
  presence: Presence,
  time: GatewayTime,
  problem: Problem,
} as const satisfies Record<string, TObject>
export type DownstreamName = keyof typeof DOWNSTREAM
