export { ScriptedPeer, scriptedOpen } from './scripted-peer.ts'
export { SimHost, SimNetwork, type SimNetworkInit } from './sim-network.ts'
