import { formatAddress } from '@metallb-ts/netip'
import { questionFor } from '../network/frames.ts'
import type { Invariant } from './invariant.ts'

/** At the very instant at which a frame tells the network of an address, a question for it is answered. */
export const theTableAnswersFirst: Invariant = {
  name: 'the table answers before the network is told',
  watch: ({ broken }) => ({
    announces: (node, address, ask) => {
      if (!ask(questionFor(address))) broken(`${node} tells of ${formatAddress(address)}, and does not answer for it`)
    },
  }),
}
