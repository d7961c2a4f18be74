import type { ClusterOptions } from './cluster-options.ts'
import { formatEngines } from './engine-sets.ts'
import { launcherSettings } from './launchers.ts'

/** The options of a detached start, as arguments of `ipcluster start`. */
export function daemonArguments(options: ClusterOptions, n: number): string[] {
  const args = [`--n=${n}`]
  if (options.timeout !== undefined) args.push(`--timeout=${options.timeout}`)
  if (options.engines !== undefined) args.push(`--engines=${formatEngines(options.engines)}`)
  if (options.launcher !== undefined) args.push(`--launcher=${options.launcher}`)
  if (options.engineCommand !== undefined) args.push(`--engine-command=${options.engineCommand}`)
  if (options.python !== undefined) args.push(`--python=${options.python}`)
  if (options.controller !== undefined) args.push(`--controller=${options.controller}`)
  if (options.ip !== undefined) args.push(`--ip=${options.ip}`)
  if (options.location !== undefined) args.push(`--location=${options.location}`)
  if (options.records !== undefined) args.push(`--records=${options.records}`)
  args.push(`--launcher-settings=${JSON.stringify(launcherSettings(options))}`)
  // Their values are in its environment.
  for (const name of Object.keys(options.env ?? {})) args.push(`--export=${name}`)
  for (const arg of options.controllerArgs ?? []) args.push(`--controller-arg=${arg}`)
  for (const arg of options.engineArgs ?? []) args.push(`--engine-arg=${arg}`)
  return args
}
