import { expect, test } from 'vitest'
import { NameQueue } from '../src/name-queue.ts'

function taken(queue: NameQueue): string[] {
  return Array.from({ length: queue.size }, () => queue.take()!)
}

test('names come in the order they were added, each once', () => {
  const queue = new NameQueue()
  for (const name of ['a', 'b', 'a', 'c']) queue.add(name)
  expect(taken(queue)).toEqual(['a', 'b', 'c'])
  expect(queue.take()).toBeUndefined()
})

test('what comes after it was empty, or was cleared, is there', () => {
  const queue = new NameQueue()
  queue.add('a')
  expect(taken(queue)).toEqual(['a'])
  queue.add('b')
  expect(queue.take()).toBe('b')
  for (const name of ['c', 'd']) queue.add(name)
  expect(queue.take()).toBe('c')
  queue.clear()
  expect(queue.take()).toBeUndefined()
  for (const name of ['e', 'c']) queue.add(name)
  expect(taken(queue)).toEqual(['e', 'c'])
})

test('what was deleted is not taken, and added again it is the last', () => {
  const queue = new NameQueue()
  for (const name of ['a', 'b', 'c', 'd']) queue.add(name)
  expect(queue.take()).toBe('a')
  queue.delete('b')
  queue.delete('c')
  for (const name of ['b', 'a']) queue.add(name)
  expect(queue.has('c')).toBe(false)
  expect(taken(queue)).toEqual(['d', 'b', 'a'])
})
