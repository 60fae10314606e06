import koffi from 'koffi'

// The symbols of the process itself: the C library that Node runs on, glibc or musl.
const libc = koffi.load(null)

type Call = (...args: readonly unknown[]) => number

const bind = (declaration: string): Call => libc.func(declaration) as Call

function bindIfThere(declaration: string): Call | undefined {
  try {
    return bind(declaration)
  } catch {
    return undefined
  }
}

/** The calls this package makes. Each answers -1 on failure; `errno()` then says why. */
export const libcSocket: Call = bind('int socket(int domain, int type, int protocol)')
export const libcBind: Call = bind('int bind(int fd, const uint8_t *address, uint32_t length)')
export const libcConnect: Call = bind('int connect(int fd, const uint8_t *address, uint32_t length)')
export const libcListen: Call = bind('int listen(int fd, int backlog)')
export const libcSetsockopt: Call = bind(
  'int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)',
)
export const libcGetsockopt: Call = bind(
  'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
)
export const libcGetsockname: Call = bind('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)')
export const libcRecv: Call = bind('intptr_t recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)')
export const libcSend: Call = bind('intptr_t send(int fd, const uint8_t *bytes, size_t length, int flags)')
export const libcRecvfrom: Call = bind(
  'intptr_t recvfrom(int fd, _Out_ uint8_t *bytes, size_t length, int flags, _Out_ uint8_t *from, _Inout_ uint32_t *fromLength)',
)
export const libcSendto: Call = bind(
  'intptr_t sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *to, uint32_t toLength)',
)
export const libcPoll: Call & { readonly async: (...args: readonly unknown[]) => void } = bind(
  'int poll(_Inout_ uint8_t *fds, unsigned long count, int timeout)',
) as never
export const libcEventfd: Call = bind('int eventfd(unsigned int initial, int flags)')
export const libcRead: Call = bind('intptr_t read(int fd, _Out_ uint8_t *bytes, size_t length)')
export const libcWrite: Call = bind('intptr_t write(int fd, const uint8_t *bytes, size_t length)')
export const libcClose: Call = bind('int close(int fd)')
export const libcSyscall: Call = bind(
  'long syscall(long number, int pid, const uint8_t *attributes, unsigned int flags)',
)
export const libcSocketpair: Call = bind('int socketpair(int domain, int type, int protocol, _Out_ uint8_t *pair)')
export const libcWaitpid: Call = bind('int waitpid(int pid, void *status, int options)')
export const libcRecvmsg: Call = bind('intptr_t recvmsg(int fd, uint8_t *message, int flags)')
export const libcMadvise: Call = bind('int madvise(uintptr_t address, size_t length, int advice)')
/** The GNU C library's own: undefined where there is another. */
export const libcMallocTrim: Call | undefined = bindIfThere('int malloc_trim(size_t pad)')
export const libcIfNameToIndex: Call = bind('unsigned int if_nametoindex(const char *name)')
export const libcIfIndexToName: (index: number, name: Uint8Array) => unknown = libc.func(
  'void *if_indextoname(unsigned int index, uint8_t *name)',
) as never

/** `struct sock_fprog` holds a pointer, which only a declared struct can. */
const sockFprog = koffi.struct('sock_fprog', { len: 'uint16_t', filter: 'uint8_t *' })
const attach = libc.func(
  'int setsockopt(int fd, int level, int name, const sock_fprog *program, uint32_t length)',
) as Call

export function attachFilter(fd: number, program: Uint8Array): number {
  const SO_ATTACH_FILTER = 26
  return attach(fd, SOL_SOCKET, SO_ATTACH_FILTER, { len: program.length / 8, filter: program }, koffi.sizeof(sockFprog))
}

/** Where a buffer's octets are; valid as long as somebody holds the buffer. */
export function pointerTo(buffer: Buffer): bigint {
  return koffi.address(buffer)
}

/** The number of the last failure on this thread. */
export function errno(): number {
  return koffi.errno()
}

/** The name of an error number, such as `EPERM`. */
export function errorName(number: number): string {
  return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`
}

export const SOL_SOCKET = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const IPPROTO_IP = 0
export const IPPROTO_IPV6 = 41
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
