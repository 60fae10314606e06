/** Who opened a connection: we did, or the peer. */
export type SlotName = 'outgoing' | 'incoming'

export interface Speakers {
  readonly localId: number
  readonly localAsn: number
  readonly remoteId: number
  readonly remoteAsn: number
}

/** RFC 4271 §6.8: the connection that the speaker with the higher identifier opened; RFC 6286 §2.3: else the higher AS. */
export function survivor({ localId, localAsn, remoteId, remoteAsn }: Speakers): SlotName {
  const weDominate = localId === remoteId ? localAsn > remoteAsn : localId > remoteId
  return weDominate ? 'outgoing' : 'incoming'
}

export interface OtherConnection {
  readonly state: 'idle' | 'connect' | 'active' | 'open-sent' | 'open-confirm' | 'established'
  /** It became established while this one was there already, so the peer may still choose this one. */
  readonly overtook: boolean
  /** RFC 4271 §8.1.1, CollisionDetectEstablishedState: being established does not protect it. */
  readonly isContested: boolean
  /** RFC 4724 §4.2: its peer restarts gracefully, so that it may be over without our noticing. */
  readonly mayBeOver: boolean
}

/**
 * What a good OPEN on one connection means for both. `both`: the other one's OPEN, or the peer, decides later. An
 * established connection stays unless it is contested, or overtook this one on the way: then
 * the peer, which may not have seen it established, goes by the identifiers alone, and so must we. `other-is-over`: who
 * restarts gracefully and opens another has lost the first one, which ends without a word.
 */
export function judgeCollision(
  name: SlotName,
  other: OtherConnection | undefined,
  speakers: Speakers,
): 'this-loses' | 'other-loses' | 'other-is-over' | 'both' {
  if (other === undefined) return 'both'
  const isThisDominant = survivor(speakers) === name
  switch (other.state) {
    case 'established':
      if (other.mayBeOver && name === 'incoming' && !other.overtook) return 'other-is-over'
      if (other.isContested) return isThisDominant ? 'other-loses' : 'this-loses'
      return isThisDominant && other.overtook ? 'both' : 'this-loses'
    case 'open-confirm':
      return isThisDominant ? 'other-loses' : 'this-loses'
    case 'idle':
    case 'connect':
    case 'active':
    case 'open-sent':
      return 'both'
  }
}
