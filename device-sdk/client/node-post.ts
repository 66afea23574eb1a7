import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import type { PostJson } from './enroll.ts'
import type { TlsOptions } from './link.ts'

/** Node's `fetch` does not take the authority of a private network; its older client does. */
export const nodePost =
  (tls: TlsOptions = {}): PostJson =>
  (url, json, signal) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' }
      const open = url.protocol === 'https:' ? https.request : http.request
      const request = open(url, { ...tls, method: 'POST', headers, signal }, (response) => {
        text(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, text: body }),
          reject,
        )
      })
      request.on('error', reject)
      request.end(json)
    })
