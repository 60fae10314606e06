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
}
