import { describe, expect, it } from 'vitest'
import { SegmentMap } from './segment-map.ts'

const always = (): boolean => true

describe('SegmentMap', () => {
  it('knows of nothing at first: each link answers', () => {
    expect(new SegmentMap().firstOf(2, 0, always)).toBe(2)
  })

  it('of links that hear each other the lowest that can answers', () => {
    const map = new SegmentMap()
    map.join(3, 5, 0)
    map.join(3, 4, 0)
    expect([3, 4, 5].map(index => map.firstOf(index, 0, always))).toEqual([3, 3, 3])
    expect(map.firstOf(5, 0, index => index !== 3)).toBe(5)
  })

  it('a link not heard for three rounds of announcements is on its own again', () => {
    const map = new SegmentMap(60_000)
    map.join(1, 2, 0)
    expect(map.firstOf(2, 180_000, always)).toBe(1)
    expect(map.firstOf(2, 180_001, always)).toBe(2)
  })

  it('without announcements to renew it, it is remembered until the link changes', () => {
    const map = new SegmentMap(0)
    map.join(1, 2, 0)
    expect(map.firstOf(2, 1e9, always)).toBe(1)
    map.forget(1)
    expect(map.firstOf(2, 1e9, always)).toBe(2)
  })
})
