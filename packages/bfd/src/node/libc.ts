import koffi from 'koffi'

// The symbols of the process itself: the C library that Node runs on, glibc or musl.
const libc = koffi.load(null)

type Call = (...args: readonly unknown[]) => number

const bind = (declaration: string): Call => libc.func(declaration) as Call

/** The calls that datagrams with their TTL need. Each answers -1 on failure. */
export const libcSocket: Call = bind('int socket(int domain, int type, int protocol)')
export const libcBind: Call = bind('int bind(int fd, const uint8_t *address, uint32_t length)')
export const libcSetsockopt: Call = bind(
  'int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)',
)
export const libcSendto: Call = bind(
  'intptr_t sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *to, uint32_t toLength)',
)
export const libcRecvmsg: Call = bind('intptr_t recvmsg(int fd, uint8_t *message, int flags)')
export const libcClose: Call = bind('int close(int fd)')
export const libcIfNameToIndex: Call = bind('unsigned int if_nametoindex(const char *name)')
export const libcIfIndexToName: (index: number, name: Uint8Array) => unknown = libc.func(
  'void *if_indextoname(unsigned int index, uint8_t *name)',
) as never

/** Where a buffer's octets are; valid as long as somebody holds the buffer. */
export function pointerTo(buffer: Buffer): bigint {
  return koffi.address(buffer)
}

export const AF_INET = 2
export const AF_INET6 = 10
export const SOL_SOCKET = 1
export const IPPROTO_IP = 0
export const IPPROTO_IPV6 = 41
