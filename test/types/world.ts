/** What the programs in this folder are about. Nothing of it is ever made. */
import type { Client, DirectView, LoadBalancedView } from 'itsparallel'

export declare const rc: Client
export declare const one: DirectView<'one'>
export declare const balanced: LoadBalancedView
