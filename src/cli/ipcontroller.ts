#!/usr/bin/env node
import { controllerCommand } from './controller-command.ts'
import { runCommand } from './run.ts'

await runCommand(controllerCommand('ipcontroller'))
