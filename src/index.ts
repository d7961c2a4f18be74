export { type DType, NDArray, type NDArrayOptions } from './base/nd-array.ts'
export type { TypedArray } from './base/typed-array.ts'
export { AsyncMapResult } from './client/async-map-result.ts'
export { AsyncResult, type WaitOptions } from './client/async-result.ts'
export { BroadcastView, type BroadcastViewOptions } from './client/broadcast-view.ts'
export type { MapInputs, RemoteArguments, SyncMapInputs } from './client/call-types.ts'
export { Client, type EngineFacts, type ShutdownOptions, type TargetOptions } from './client/client.ts'
export type {
  ClientEvents,
  DisplayEvent,
  EngineEvent,
  EngineLeftEvent,
  StreamEvent,
} from './client/client-events.ts'
export type { ConnectOptions } from './client/connect.ts'
export { type Decorator, depend } from './client/depend.ts'
export {
  Dependency,
  type DependencyInput,
  type DependencyOptions,
  type HasMessageIds,
} from './client/dependency.ts'
export { DirectView, type DirectViewOptions } from './client/direct-view.ts'
export type { DisplayOptions } from './client/display-outputs.ts'
export type { GatherOptions, ScatterOptions } from './client/engines-view.ts'
export { ExecuteReply } from './client/execute-reply.ts'
export type { Job, ResultStatus } from './client/hub-queries.ts'
export type { Jobs } from './client/jobs.ts'
export { LoadBalancedView, type LoadBalancedViewOptions } from './client/load-balanced-view.ts'
export type { Namespace } from './client/namespace.ts'
export type { EngineOutput } from './client/output-stream.ts'
export type { Output } from './client/outputs.ts'
export type { ParallelFunction, ParallelOptions } from './client/parallel-function.ts'
export type { Distribution } from './client/partition.ts'
export type { ProgressOptions } from './client/progress.ts'
export type { EngineQueue, QueueStatus } from './client/queue-status.ts'
export type { RequestMetadata, RequestStatus } from './client/request-metadata.ts'
export { requires } from './client/requires.ts'
export type { EachOf, Shaped, ViewShape } from './client/shape.ts'
export type { Importers, Modules } from './client/sync-imports.ts'
export type { EnginesOf, Targets } from './client/targets.ts'
export type {
  QueryField,
  QueryOperators,
  ResultBuffers,
  TaskQuery,
  TaskRecord,
} from './client/task-record.ts'
export type { ExecuteOptions, ViewOptions } from './client/view.ts'
export type { Adaptation, AdaptationOptions } from './cluster/adaptation.ts'
export { Cluster, type EngineChoice } from './cluster/cluster.ts'
export type { ClusterOptions, ClusterPlace } from './cluster/cluster-options.ts'
export * from './errors.ts'
export { Reference } from './serialize/callee.ts'
export { type PythonFunction, python } from './serialize/pickle/python-function.ts'
export { PythonObject } from './serialize/pickle/python-object.ts'
