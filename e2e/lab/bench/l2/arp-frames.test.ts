import { AnnouncedTable, answerArp, gratuitousArp } from '@metallb-ts/l2-announcer'
import { address, mac } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { announced, answer, number, request } from './arp-frames.ts'

const VIP = address('10.88.1.0')
const CLIENT = number('10.88.0.1')
const MAC = mac('02:00:00:00:00:01')

describe('the askers of the benchmark', () => {
  it('have addresses of their own: a node that knows the client would send them the client’s answers', () => {
    const senders = Array.from({ length: 256 }, (_, i) => Buffer.from(request(i, number('10.88.1.0'))).readUInt32BE(28))
    expect(new Set(senders).size).toBe(256)
    expect(senders).not.toContain(CLIENT)
  })

  it('know whose request was answered, for what, and by whom', () => {
    const table = new AnnouncedTable([{ address: VIP, interfaces: 'all' }])
    const frame = answerArp(request(200, number('10.88.1.0')), { interfaceName: 'e0', mac: MAC, table })
    expect(answer(frame as Uint8Array)).toEqual({ source: 200, target: number('10.88.1.0'), mac: '020000000001' })
  })

  it('hear which address a node announces, in both forms of that', () => {
    for (const frame of gratuitousArp(VIP, MAC)) expect(announced(frame)).toBe(number('10.88.1.0'))
    expect(announced(request(1, CLIENT))).toBeUndefined()
    expect(announced(new Uint8Array(20).fill(0xff))).toBeUndefined()
  })

  it('take nothing else for an answer', () => {
    expect(answer(request(1, CLIENT))).toBeUndefined()
    expect(answer(new Uint8Array(20))).toBeUndefined()
  })
})
