import { readFile } from 'node:fs/promises'
import { libcMadvise } from './libc.ts'

/**
 * Takes out of this process the pages of programs and libraries that a start needed: they stay in the system's cache of the
 * file, and each comes back when it is touched. Pages that the process has changed stay. For a moment of rest. Resolves with the
 * octets that were given back, 0 where the kernel does not list mappings; never rejects.
 */
export async function releaseProgramPages(): Promise<number> {
  let released = 0
  const list = await readFile('/proc/self/smaps', 'latin1').catch(() => '') // it takes milliseconds, in another thread
  for (const { address, length, residentBytes } of unchangedFiles(list)) {
    if (libcMadvise(address, length, MADV_DONTNEED) === 0) released += residentBytes
  }
  return released
}

/** Where a file is mapped that this process only reads, and has not changed, not even as it was loaded. */
function* unchangedFiles(list: string): Generator<Mapping> {
  for (const entry of list.split(EVERY_ENTRY)) {
    const head = HEAD.exec(entry)
    if (head === null || kilobytes(entry, 'Anonymous') !== 0) continue
    const [from, to] = [BigInt(`0x${head[1]!}`), BigInt(`0x${head[2]!}`)]
    yield { address: from, length: to - from, residentBytes: kilobytes(entry, 'Rss')! * 1_024 }
  }
}

interface Mapping {
  readonly address: bigint
  readonly length: bigint
  readonly residentBytes: number
}

function kilobytes(entry: string, name: string): number | undefined {
  const found = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(entry)
  return found === null ? undefined : Number(found[1])
}

const EVERY_ENTRY = /\n(?=[0-9a-f]+-[0-9a-f]+ )/
/** Of a file, private, and not to be written. */
const HEAD = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p [0-9a-f]+ \S+ \d+ +\//
const MADV_DONTNEED = 4
