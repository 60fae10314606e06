import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HistoryEntry } from './object-store.ts'

/** What was written, kept in a folder: one line an object, read again at the next start. */
export interface Journal {
  readonly past: readonly JournalEntry[]
  append(entry: JournalEntry): void
}

export type JournalEntry = Pick<HistoryEntry, 'revision' | 'type' | 'collection' | 'key' | 'object'>

export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'objects.jsonl')
  const past = existsSync(path) ? newest(wholeLines(readFileSync(path, 'utf8'))) : []
  writeFileSync(`${path}.new`, past.map(entry => `${JSON.stringify(entry)}\n`).join(''))
  renameSync(`${path}.new`, path)
  return {
    past,
    append: ({ revision, type, collection, key, object }) =>
      appendFileSync(path, `${JSON.stringify({ revision, type, collection, key, object })}\n`),
  }
}

/** A last line that is cut short was never acknowledged. */
function wholeLines(text: string): readonly JournalEntry[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as JournalEntry)
}

/** Of each object the newest state; the last line stays whatever it is, for its revision. */
function newest(entries: readonly JournalEntry[]): readonly JournalEntry[] {
  const last = new Map(entries.map(entry => [`${entry.collection} ${entry.key}`, entry]))
  return entries.filter(
    (entry, i) =>
      i === entries.length - 1 || (last.get(`${entry.collection} ${entry.key}`) === entry && entry.type !== 'DELETED'),
  )
}
