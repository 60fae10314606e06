import { describe, expect, test } from 'vitest'
import { foreignWriter, isAtWork, lastForeignWrite, type ManagedFields } from './foreign-installations.ts'

const INGRESS = { 'f:loadBalancer': { 'f:ingress': {} } }

function entry(manager: string, time: string, status: object = INGRESS): ManagedFields {
  return { manager, time: `2026-07-01T12:00:${time}Z`, fieldsV1: { 'f:status': status } }
}

describe('who wrote the addresses of a Service', () => {
  test.each<[string, readonly ManagedFields[] | undefined, string | undefined]>([
    ['nothing was noted', undefined, undefined],
    ['nobody', [], undefined],
    ['we', [entry('us', '01')], undefined],
    ['another', [entry('controller', '01')], 'controller'],
    ['another, but only conditions', [entry('controller', '01', { 'f:conditions': {} })], undefined],
    ['another after us', [entry('us', '01'), entry('controller', '02')], 'controller'],
    ['two others: the later', [entry('b', '05'), entry('a', '02')], 'b'],
    ['an entry without a status', [{ manager: 'kubectl', fieldsV1: {} }], undefined],
  ])('%s', (_, fields, manager) => {
    expect(foreignWriter(fields, 'us')?.manager).toBe(manager)
  })
})

describe('whether it is at work', () => {
  const before = ['01', '07', '03'].map(second => ({ manager: 'controller', at: `2026-07-01T12:00:${second}Z` }))
  const since = lastForeignWrite(before)

  test.each([
    ['what it wrote before we looked', 'controller', '2026-07-01T12:00:07Z', false],
    ['what it wrote since', 'controller', '2026-07-01T12:00:08Z', true],
    ['a person', 'kubectl-edit', '2026-07-01T12:00:08Z', false],
  ])('%s', (_, manager, at, expected) => {
    expect(isAtWork({ manager, at }, since)).toBe(expected)
  })

  test('where nobody wrote before, any write counts', () => {
    expect(isAtWork({ manager: 'kube-vip', at: '2026-07-01T12:00:00Z' }, lastForeignWrite([]))).toBe(true)
  })
})
