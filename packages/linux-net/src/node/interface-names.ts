import { libcIfIndexToName, libcIfNameToIndex } from './libc.ts'

/** The kernel's number of an interface; 0 when there is none of that name. */
export function interfaceIndex(name: string): number {
  return libcIfNameToIndex(name)
}

/** The name of an interface; undefined when it is gone. */
export function interfaceName(index: number): string | undefined {
  const name = Buffer.alloc(IF_NAMESIZE)
  return libcIfIndexToName(index, name) === null ? undefined : name.toString('utf8', 0, name.indexOf(0))
}

const IF_NAMESIZE = 16
