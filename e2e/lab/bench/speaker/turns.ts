/**
 * Loaded before a program. From its first connection on, and then between `watch` and `tell`, this keeps the longest turn
 * of the event loop, in milliseconds of the main thread's own processor time: what it would have blocked for on a machine
 * of its own. Loading the program is over by then.
 */
let isLoading = true
let longest = 0
let spent = spentMs()
let timer: NodeJS.Timeout | undefined = setInterval(look, 1).unref()

process.on('message', order => {
  if (order === 'watch') begin()
  else process.send?.(end())
})
process.channel?.unref()

function begin(): void {
  clearInterval(timer)
  longest = 0
  spent = spentMs()
  timer = setInterval(look, 1).unref()
}

function end(): number {
  look()
  clearInterval(timer)
  return longest
}

function look(): void {
  const now = spentMs()
  if (isLoading) isLoading = !process.getActiveResourcesInfo().includes('TCPSocketWrap')
  else longest = Math.max(longest, now - spent)
  spent = now
}

function spentMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
