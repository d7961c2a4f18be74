#!/usr/bin/env node
import { clusterCommand } from './cluster-command.ts'
import { runCommand } from './run.ts'

await runCommand(clusterCommand('ipcluster'))
