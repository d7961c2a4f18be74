/** Programs of this package, as they are called on hosts that are reached over ssh. */

import { join } from 'node:path'
import type { Program } from './launcher.ts'
import { commandLine, withoutOption } from './program.ts'
import { sshCommand } from './ssh-connection.ts'
import type { RemoteProgram } from './ssh-script.ts'
import type { SshSettings } from './ssh-settings.ts'

/** What is shown of programs on a host. */
export function hostedScript(host: string, settings: SshSettings, program: Program, count: number): string {
  const { node, args } = remoteProgram(program, settings)
  return `# ${count} × ${program.name} on ${host}, started by ${sshCommand(settings)}\n${commandLine({ command: node, args })}\n`
}

/** A program of this machine, as it is called on the hosts. */
export function remoteProgram(program: Program, { node, packagePath }: SshSettings): RemoteProgram {
  const [file = '', ...args] = withoutOption(program, '--profile-dir').args
  return {
    node: node ?? program.command,
    args: [
      packagePath === undefined ? file : join(packagePath, 'dist', 'cli', `${program.name}.js`),
      ...args,
    ],
    cwd: program.cwd,
    env: program.ownEnv,
  }
}
