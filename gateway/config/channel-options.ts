/** Options of the ports that devices reach: HTTP and WebSocket, TLS, permissions. */
import { Type } from '@sinclair/typebox'
import { closed, group, Port } from './option-types.ts'

export const HttpOptions = Type.Object(
  {
    host: Type.String({
      default: '127.0.0.1',
      description:
        'Address of the plain HTTP and WebSocket port (IT: 0.0.0.0 opens it to the site network)',
    }),
    port: Port('HTTP and WebSocket; 0 takes any free port (IT)', 8080),
    tlsPort: Port('HTTPS and secure WebSocket, used when tls is set (IT)', 8443),
    adapter: Type.Union([Type.Literal('auto'), Type.Literal('uws'), Type.Literal('node')], {
      default: 'auto',
      description:
        'uWebSockets.js where its binary loads, node:http and ws elsewhere (IT, to compare)',
    }),
  },
  group,
)

export const TlsOptions = Type.Object(
  {
    host: Type.String({
      default: '0.0.0.0',
      description: 'Address of the TLS ports: they are open to the site network (IT)',
    }),
    certFile: Type.String({ description: 'PEM certificate chain (IT)' }),
    keyFile: Type.String({ description: 'PEM private key (IT)' }),
    caFile: Type.Optional(
      Type.String({ description: 'PEM of the CA that signs device certificates, for mTLS (IT)' }),
    ),
    requireClientCertificate: Type.Boolean({
      default: false,
      description:
        'Refuse devices without a certificate of caFile on the TLS ports, over MQTT, WebSocket and HTTP (device makers)',
    }),
  },
  closed,
)
export const PermissionRule = Type.Object(
  {
    kind: Type.Optional(
      Type.String({ description: 'Device kind the rule is for; absent: every kind (IT)' }),
    ),
    group: Type.Optional(
      Type.String({ description: 'Group the rule is for; absent: every group (IT)' }),
    ),
    publish: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Topic filters it may publish to, such as ward/%d/#; %d is the device id (IT)',
      }),
    ),
    subscribe: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Topic filters it may subscribe to; %d is the device id (IT)',
      }),
    ),
    denySubscribe: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Topic filters refused although another rule allows them (IT)',
      }),
    ),
  },
  closed,
)
