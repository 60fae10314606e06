import { linesOf } from '../node/lines.ts'
import type { ProxyFaultEffect } from './faults.ts'

/** The body as a fault leaves it. Throws where the connection is to break. */
export function spoiled(
  body: AsyncIterable<Uint8Array>,
  fault: ProxyFaultEffect | undefined,
): AsyncIterable<Uint8Array> {
  switch (fault?.type) {
    case 'replace-body':
      return only(Buffer.from(fault.body))
    case 'cut-body':
      return cutAfter(body, fault.after)
    case 'split':
      return inPieces(body, fault.bytes)
    case 'cut-line':
    case 'insert':
    case 'repeat-lines':
      return lineByLine(body, fault)
    default:
      return body
  }
}

type LineFault = Extract<ProxyFaultEffect, { type: 'cut-line' | 'insert' | 'repeat-lines' }>

async function* lineByLine(body: AsyncIterable<Uint8Array>, fault: LineFault): AsyncGenerator<Uint8Array> {
  let left = fault.type === 'repeat-lines' ? Infinity : fault.after
  const inserted = fault.type === 'insert' ? Buffer.from(fault.bytes as string) : Buffer.alloc(0)
  if (left === 0) yield inserted
  for await (const lines of linesOf(body)) {
    for (const line of lines) {
      if (left === 0 && fault.type === 'cut-line') {
        yield Buffer.from(line.slice(0, line.length >> 1))
        throw new Error('cut, as the test asked')
      }
      yield Buffer.from(`${line}\n`)
      if (fault.type === 'repeat-lines') yield Buffer.from(`${line}\n`)
      if (--left === 0) yield inserted
    }
  }
}

async function* cutAfter(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes
  for await (const chunk of body) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) throw new Error('cut, as the test asked')
  }
}

async function* inPieces(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += bytes) yield chunk.subarray(at, at + bytes)
  }
}

async function* only(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk
}
