/** What is told about members. A member counts itself once it has listened long enough to know the others. */
export interface MembershipEvents {
  'member:joined': { readonly node: string }
  'member:left': { readonly node: string; readonly cause: 'dead' | 'left' | 'removed' }
  /** What it says it holds is another now. */
  'member:holds': { readonly node: string }
}
