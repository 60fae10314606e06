export { driftingClock } from './drifting-clock.ts'
export { ScriptedPeer, scriptedControl } from './scripted-peer.ts'
export { SimHost, SimNetwork, type Captured, type SimNetworkSettings } from './sim-network.ts'
