export { NeighborCache, type Neighbor, type NeighborNews, type NeighborState } from './neighbor-cache.ts'
export { SimHost, type SimHostInit } from './sim-host.ts'
export { SimNode, type Received } from './sim-node.ts'
export { SimSegment, type SimPort, type SimSegmentInit } from './sim-segment.ts'
