import { isUtf8 } from 'node:buffer'
import { Failure } from '@metallb-ts/runtime'
import { kubeFailure, type Flaw, type KubeFailure } from '../failure.ts'
import type { Members } from '../members.ts'
import { cutter } from './cut.ts'

/** A line, or a last one that never ends, of more bytes than this is refused: no object of Kubernetes has two million. */
export const MAX_LINE_BYTES: number = 16 * 1024 * 1024

/** A body that is read whole; a page of a list is about half a megabyte. */
export const MAX_BODY_BYTES: number = 256 * 1024 * 1024

/**
 * Splits a body into lines as it comes, a few at a time. Rejects with a `Failure` when the body ends within a line, and
 * for a line that is too long or no UTF-8; lines before it have been told.
 *
 * @param unread what to leave out of each line
 */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  unread?: Members,
): AsyncGenerator<readonly string[], void, void> {
  const shortened = unread === undefined ? undefined : cutter(unread)
  const held: Buffer[] = []
  let heldBytes = 0
  try {
    for await (const bytes of body) {
      const chunk = asBuffer(bytes)
      let from = 0
      for (let end = chunk.indexOf(NEWLINE); end >= 0;) {
        const lines: string[] = []
        for (; end >= 0 && lines.length < MOST_LINES; end = chunk.indexOf(NEWLINE, from)) {
          const line = chunk.subarray(from, end)
          const whole = heldBytes === 0 ? line : Buffer.concat([...held.splice(0), line])
          lines.push(textOf(shortened === undefined ? whole : shortened(whole)))
          heldBytes = 0
          from = end + 1
        }
        yield lines
      }
      if (from === chunk.length) continue
      held.push(chunk.subarray(from))
      heldBytes += chunk.length - from
      if (heldBytes > MAX_LINE_BYTES) throw flawed('too-long', `a line of more than ${MAX_LINE_BYTES} bytes`)
    }
  } catch (error) {
    if (heldBytes === 0 || error instanceof Failure) throw error
    throw cut(error)
  }
  if (heldBytes > 0) throw cut('the body ended within a line')
}

/** The whole body. Rejects with a `Failure` when it is cut, too long, or no UTF-8. */
export async function wholeText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const bytes of body) {
      chunks.push(asBuffer(bytes))
      length += bytes.length
      if (length > MAX_BODY_BYTES) throw flawed('too-long', `a body of more than ${MAX_BODY_BYTES} bytes`)
    }
  } catch (error) {
    throw error instanceof Failure || length === 0 ? error : cut(error)
  }
  return textOf(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
}

const NEWLINE = 0x0a // no byte of another character of UTF-8 looks like it
const RETURN = 0x0d
const MOST_LINES = 32 // a millisecond or so for whoever reads them

function textOf(line: Buffer): string {
  const text = line.toString('utf8', 0, line.at(-1) === RETURN ? line.length - 1 : line.length)
  if (text.includes(REPLACEMENT) && !isUtf8(line)) throw flawed('not-utf8', 'bytes that are no UTF-8')
  return text
}

const REPLACEMENT = '\ufffd' // what stands for a byte that means nothing; it may be meant, too

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function cut(cause: unknown): Failure<KubeFailure> {
  const message = `cut short: ${cause instanceof Error ? cause.message : String(cause)}`
  const problem: KubeFailure = { code: 'unreachable', status: 0, message, flaw: 'cut' }
  return new Failure(problem, message, { cause })
}

function flawed(flaw: Flaw, message: string): Failure<KubeFailure> {
  return kubeFailure({ code: 'bad-answer', status: 200, message, flaw })
}
