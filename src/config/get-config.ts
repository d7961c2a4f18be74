/** Names of IPython's configurable classes. */
type ClassName =
  | `IP${string}`
  | `${string}Launcher`
  | 'Cluster'
  | 'HubFactory'
  | 'HeartMonitor'
  | 'TaskScheduler'

/** What a configuration file sets: our own settings by name, and those of IPython's classes under the class's name. */
export type ConfigFile = Record<string, unknown> & {
  readonly [Name in ClassName]: Record<string, unknown>
}

/**
 * An empty configuration, to be filled and exported by a configuration file. Classes of IPython's are there as soon as
 * they are named.
 *
 * @example
 * const c = getConfig()
 * c.n = 4
 * c.IPClusterEngines.engine_launcher_class = 'MPIEngineSetLauncher'
 * export default c
 */
export function getConfig(): ConfigFile {
  return new Proxy({} as Record<string, unknown>, {
    get(target, name, receiver): unknown {
      if (typeof name === 'string' && /^[A-Z]/.test(name) && !Object.hasOwn(target, name)) target[name] = {}
      return Reflect.get(target, name, receiver)
    },
  }) as ConfigFile
}
