#!/usr/bin/env node
import { clusterCommand } from './cluster-command.ts'
import { controllerCommand } from './controller-command.ts'
import { doctorCommand } from './doctor.ts'
import { engineCommand } from './engine-command.ts'
import { profileCommand } from './profile-command.ts'
import { newCommand, runCommand } from './run.ts'

const command = newCommand('itsparallel', 'Interactive parallel computing for TypeScript')
  .addCommand(clusterCommand('cluster'))
  .addCommand(controllerCommand('controller'))
  .addCommand(engineCommand('engine'))
  .addCommand(profileCommand())
  .addCommand(doctorCommand())
await runCommand(command)
