import { fileURLToPath } from 'node:url'

/** Debian's own interpreter, the one that Debian's packages belong to. */
const DEBIAN_PYTHON = '/usr/bin/python3'

const file = (name: string): string => fileURLToPath(new URL(`./peers/${name}`, import.meta.url))
const python = (name: string, ...args: string[]): Command => ({
  file: DEBIAN_PYTHON,
  args: [file(name), ...args],
})
const node = (name: string): Command => ({ file: process.execPath, args: ['--import', 'tsx', file(name)] })

/** How a peer's program is started. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
}

/** Whom we measure, ourselves among them: each is a process of its own that answers the harness. */
export const roster = {
  itsparallel: node('itsparallel.ts'),
  ipyparallel: python('ipyparallel_peer.py'),
  'ipyparallel on ours': python(
    'ipyparallel_peer.py',
    process.execPath,
    file('../../dist/cli/ipcontroller.js'),
  ),
  dask: python('dask_peer.py'),
  piscina: node('piscina.ts'),
  workerpool: node('workerpool.ts'),
  'bare net': node('bare-net.ts'),
} satisfies Record<string, Command>

export type PeerName = keyof typeof roster

/** The subject of the goals, where a workload names no other. */
export const OURS: PeerName = 'itsparallel'
