/** Splits bytes into lines as they come. A last line that is cut short is left out. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder() // keeps half a character until its rest has come
  let held = ''
  let since = performance.now()
  for await (const chunk of body) {
    held += decoder.decode(chunk, { stream: true })
    if (held.length > MAX_LINE) throw new RangeError(`a line of more than ${MAX_LINE} characters`)
    let from = 0
    for (let end = held.indexOf('\n', from); end >= 0; end = held.indexOf('\n', from)) {
      yield held.slice(from, held[end - 1] === '\r' ? end - 1 : end)
      from = end + 1
      // A burst that is there already would keep everybody else from the event loop.
      if (performance.now() - since < SLICE_MS) continue
      await new Promise(resolve => setImmediate(resolve))
      since = performance.now()
    }
    held = held.slice(from)
  }
}

const SLICE_MS = 8
const MAX_LINE = 16 * 1024 * 1024
