import { type ConfiguredProgram, SETTINGS } from './settings.ts'

const TITLES: Readonly<Record<ConfiguredProgram, string>> = {
  ipcluster: 'What `ipcluster` and `Cluster.start` do in this profile',
  ipcontroller: 'How the controller of this profile runs',
  ipengine: 'How the engines of this profile run',
}

/** Classic lines that people look for in the file, because they were told to change them there. */
const CLASSIC_LINES: Readonly<Record<ConfiguredProgram, readonly string[]>> = {
  ipcluster: [
    "c.IPClusterEngines.engine_launcher_class = 'MPIEngineSetLauncher'",
    "c.IPClusterStart.controller_launcher_class = 'LocalControllerLauncher'",
  ],
  ipcontroller: ["c.IPController.ip = '*'"],
  ipengine: ['c.IPEngine.timeout = 10'],
}

/** The text of a new configuration file: every setting, commented out, with what it means. */
export function configTemplate(program: ConfiguredProgram): string {
  const settings = Object.entries(SETTINGS[program]).map(
    ([key, { doc, example }]) => `// ${doc}\n// c.${key} = ${literal(example)}\n`,
  )
  const classic = CLASSIC_LINES[program].map(line => `// ${line}\n`).join('')
  return `// ${TITLES[program]}. Options on the command line win over what is set here.

import { getConfig } from 'itsparallel/config'

const c = getConfig()

${settings.join('\n')}
// IPython's names are understood as well:
${classic}
export default c
`
}

function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll('\n', '\\n')}'`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${literal(inner)}`)
    .join(', ')} }`
}
