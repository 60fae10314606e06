import type { Mac } from '@metallb-ts/netip'
import type { AnnouncedTable } from './table.ts'

/** What an answer on one link is made of. */
export interface Responder {
  readonly interfaceName: string
  readonly mac: Mac
  readonly table: AnnouncedTable
}
