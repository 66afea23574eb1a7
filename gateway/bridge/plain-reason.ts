/** Why a link is down, in words an operator can act on. */
import { UntrustedError } from '@kefu-edge/cloud-sync/judged-tls'

const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at that address and port',
  ECONNRESET: 'the other side closed the connection',
  EPIPE: 'the other side closed the connection',
  ENOTFOUND: 'the name of the host is not known (check the name and the DNS)',
  EAI_AGAIN: 'the name of the host could not be looked up (check the DNS)',
  EHOSTUNREACH: 'there is no way to that host (check cable, route and firewall)',
  ENETUNREACH: 'there is no way to that network (check cable, route and firewall)',
  ETIMEDOUT: 'the host does not answer (check the firewall)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of the other broker is self-signed: set caFile',
  SELF_SIGNED_CERT_IN_CHAIN: 'the CA of the other broker is not known here: set caFile',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the CA of the other broker is not known here: set caFile',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the CA of the other broker is not known here: set caFile',
}

/** Return codes of CONNACK, 3.1.1 (table 3.1) and 5.0 (table 3-1). */
const BY_NUMBER: Readonly<Record<number, string>> = {
  1: 'the other broker does not speak this version of MQTT: set protocolVersion',
  132: 'the other broker does not speak this version of MQTT: set protocolVersion',
  2: 'the other broker does not take this client id: set clientId',
  133: 'the other broker does not take this client id: set clientId',
  3: 'the other broker is not available',
  136: 'the other broker is not available',
  137: 'the other broker is busy',
  4: 'the other broker does not take user name and password',
  134: 'the other broker does not take user name and password',
  5: 'the other broker does not let this client in: check user name, password and its rules',
  135: 'the other broker does not let this client in: check user name, password and its rules',
  138: 'the other broker has banned this client',
  142: 'another client took over the client id of this bridge: set clientId',
}

export function plainReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // With a code of OpenSSL, or in plain words.
  if (error instanceof UntrustedError) {
    return BY_CODE[error.message] ?? `the other broker is not trusted: ${error.message}`
  }
  const { code } = error as Error & { code?: string | number }
  if (typeof code === 'string') return BY_CODE[code] ?? error.message
  if (typeof code === 'number') return BY_NUMBER[code] ?? error.message
  // Node tries each address of a name and reports all of them together.
  if (error instanceof AggregateError && error.errors.length > 0)
    return plainReason(error.errors[0])
  return error.message
}
