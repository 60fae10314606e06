import { address, formatAddress, range } from '@metallb-ts/netip'
import { Allocator, type AllocationRequest } from '../src/index.ts'

/**
 * Cost of one operation, as processor time of the whole process, against the size of the pool, as JSON on standard output.
 * Run with `node --conditions=development bench/ipam.bench.ts`; `--quick` for a tenth of the work.
 */
const quick = process.argv.includes('--quick')
const scale = (n: number): number => (quick ? Math.ceil(n / 10) : n)

const ASK: AllocationRequest = {
  families: ['ipv4'],
  familyPolicy: 'single',
  tiers: [['p']],
  refused: [],
  ports: [{ protocol: 'TCP', port: 80 }],
}

interface Row {
  readonly what: string
  readonly pool: string
  readonly operations: number
  readonly microsecondsEach: number
}

const rows: Row[] = []

function measure(what: string, pool: string, operations: number, work: () => void): void {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  rows.push({ what, pool, operations, microsecondsEach: Math.round(((user + system) / operations) * 1_000) / 1_000 })
}

function poolOf(cidr: string): Allocator {
  const allocator = new Allocator()
  allocator.setPools([{ name: 'p', ranges: [range(cidr)] }])
  return allocator
}

function filled(cidr: string, count: number): Allocator {
  const allocator = poolOf(cidr)
  for (let i = 0; i < count; i++) allocator.ensure(`s${i}`, ASK)
  return allocator
}

const SIZES = [24, 20, 16, 12] as const

function benchmark(): void {
  filled('10.0.0.0/16', 20_000) // warms the compiler up
  for (const length of SIZES) {
    const cidr = `10.0.0.0/${length}`
    const size = 2 ** (32 - length)
    const count = Math.min(size, scale(200_000))
    const pools = Array.from({ length: Math.ceil(scale(200_000) / count) }, () => poolOf(cidr))
    const ensureAll = (): void => {
      for (const pool of pools) for (let i = 0; i < count; i++) pool.ensure(`s${i}`, ASK)
    }
    measure('fill one by one', cidr, count * pools.length, ensureAll)
    measure('ensure what is held', cidr, count * pools.length, ensureAll)
  }
  for (const length of SIZES) benchmarkNearlyFull(length)
  benchmarkSharing()
  benchmarkRestart()
}

/**
 * The floor is one `Map` with as many names in it, of which one is deleted and set again: what memory itself costs when
 * more of it is touched at random.
 */
function benchmarkNearlyFull(length: number): void {
  const cidr = `10.0.0.0/${length}`
  const size = 2 ** (32 - length)
  const full = Math.floor(size * 0.99)
  if (quick && size > 100_000) return
  const names = Array.from({ length: full }, (_, i) => `s${i}`)
  const allocator = poolOf(cidr)
  for (const name of names) allocator.ensure(name, ASK)
  const turns = scale(100_000)
  const each = (work: (name: string) => void) => (): void => {
    for (let i = 0; i < turns; i++) work(names[(i * STRIDE) % full]!)
  }
  const again = (name: string): void => {
    allocator.release(name)
    allocator.ensure(name, ASK)
  }
  each(again)()
  measure('release and allocate at 99 % full', cidr, turns, each(again))
  const late = scale(100_000)
  for (let i = full; i < size; i++) allocator.ensure(`s${i}`, ASK)
  measure('refuse in a pool with no room', cidr, late, () => {
    for (let i = 0; i < late; i++) allocator.ensure('late', ASK)
  })
  const bare = new Map(names.map(name => [name, {}]))
  const set = (name: string): void => {
    bare.delete(name)
    bare.set(name, {})
  }
  each(set)()
  measure('the floor: delete and set in one Map of as many', cidr, turns, each(set))
}

const STRIDE = 7_919 // prime: every name has its turn

function benchmarkSharing(): void {
  const sharing = { key: 'k', backend: '' }
  const count = scale(100_000)
  const byPort = poolOf('10.0.0.0/12')
  measure('share one key, another port each', '10.0.0.0/12', count, () => {
    for (let i = 0; i < count; i++) {
      const ports = [{ protocol: i < 60_000 ? 'TCP' : 'UDP', port: (i % 60_000) + 1 }]
      byPort.ensure(`s${i}`, { ...ASK, ports, sharing })
    }
  })
  const samePort = poolOf('10.0.0.0/12')
  measure('share one key, all the same port', '10.0.0.0/12', count, () => {
    for (let i = 0; i < count; i++) samePort.ensure(`s${i}`, { ...ASK, sharing })
  })
  const pairs = poolOf('10.0.0.0/12')
  measure('share in pairs, a key a pair', '10.0.0.0/12', count, () => {
    for (let i = 0; i < count; i++) {
      const ports = [{ protocol: i % 2 === 0 ? 'TCP' : 'UDP', port: 53 }]
      pairs.ensure(`s${i}`, { ...ASK, ports, sharing: { key: `k${i >> 1}`, backend: '' } })
    }
  })
  measure('release and allocate among sharers', '10.0.0.0/12', count, () => {
    for (let i = 0; i < count; i++) {
      const holder = `s${(i * STRIDE) % count}`
      samePort.release(holder)
      samePort.ensure(holder, { ...ASK, sharing })
    }
  })
}

function benchmarkRestart(): void {
  const count = scale(10_000)
  const held = Array.from({ length: count }, (_, i) => address(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`))
  const allocator = poolOf('10.0.0.0/12')
  measure('adopt after a restart', '10.0.0.0/12', count, () => {
    for (const [i, one] of held.entries()) allocator.adopt(`s${i}`, [one], ASK)
  })
  measure('replace all pools', '10.0.0.0/12', count, () => {
    allocator.setPools([{ name: 'q', ranges: [range('10.0.0.0/11')] }])
  })
  if (formatAddress(allocator.assignment('s1')!.addresses[0]!) !== '10.0.0.1') throw new Error('an address moved')
}

benchmark()
process.stdout.write(`${JSON.stringify({ benchmark: 'ipam', rows }, undefined, 2)}\n`)
