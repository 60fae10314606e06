import type { Flaw } from './failure.ts'

/** What the watching tells. The store that a handler reads agrees already. */
export interface KubeEvents {
  /** The first whole set of a kind has come. */
  'kube:synced': { readonly kind: string }
  'kube:changed': {
    readonly kind: string
    readonly key: string
    readonly change: 'applied' | 'deleted'
    readonly initial: boolean
  }
  'kube:watch-lost': { readonly kind: string; readonly reason: string }
  'kube:watch-resumed': { readonly kind: string }
  /** What came was not what an API server says; whatever it was, it is read again. */
  'kube:answer-flawed': { readonly kind: string; readonly flaw: Flaw; readonly reason: string }
  /** An object that the program could not project: the store does without it. */
  'kube:object-unreadable': { readonly kind: string; readonly key: string; readonly reason: string }
}
