export {
  EventBus,
  EventStormError,
  type AnyEnvelope,
  type Envelope,
  type EventBusOptions,
  type Handler,
  type Publisher,
} from './event-bus.ts'
export { recordEvents, type Recorder } from './recorder.ts'
