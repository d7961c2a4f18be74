#!/usr/bin/env node
import { engineCommand } from './engine-command.ts'
import { runCommand } from './run.ts'

await runCommand(engineCommand('ipengine'))
