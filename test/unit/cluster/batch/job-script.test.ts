import { describe, expect, it } from 'vitest'
import type { BatchSettings } from '../../../../src/cluster/batch/batch-settings.ts'
import { type JobScript, type JobScriptOptions, jobScript } from '../../../../src/cluster/batch/job-script.ts'
import { BATCH_SYSTEMS } from '../../../../src/cluster/batch/systems.ts'
import type { BatchSystemName } from '../../../../src/config/launcher-names.ts'
import { ConfigurationError } from '../../../../src/errors.ts'

const program = {
  name: 'ipengine',
  command: '/usr/bin/node',
  args: ['/x/ipengine.js', '--profile-dir=/home/me/p', '--cluster-id=c 1'],
  env: { SECRET: 'not to be passed on' },
  ownEnv: { COLOUR: "it's red" },
  cwd: '/home/me/my work',
}

function make(
  system: BatchSystemName,
  settings: BatchSettings = {},
  count = 4,
  more: Partial<JobScriptOptions> = {},
): JobScript {
  return jobScript({
    system: BATCH_SYSTEMS[system],
    program,
    count,
    settings,
    folder: '/home/me/p/log',
    tag: 'ab12',
    ...more,
  })
}

const everything: BatchSettings = {
  queue: 'debug',
  account: 'physics',
  walltime: '01:30:00',
  memory: '2G',
  cpus: 2,
  prologue: ['module load node', 'umask 077'],
  environment: { OMP_NUM_THREADS: '2' },
}

/** What an engine's job does, in each task of an array. */
const body = (taskVariable: string): string => `cd '/home/me/my work' || exit 1
export COLOUR='it'\\''s red'
export OMP_NUM_THREADS=2
module load node
umask 077
exec /usr/bin/node /x/ipengine.js --task-variable=${taskVariable} --profile-dir=/home/me/p '--cluster-id=c 1'
`

describe('jobScript', () => {
  it('asks Slurm for an array with a task for each engine', () => {
    expect(make('slurm', { ...everything, directives: ['--exclusive'] }).script).toBe(`#!/bin/sh
#SBATCH --job-name=ipengine
#SBATCH --no-requeue
#SBATCH --output=/home/me/p/log/slurm-ipengine-ab12-%a.out
#SBATCH --partition=debug
#SBATCH --account=physics
#SBATCH --time=01:30:00
#SBATCH --mem=2048M
#SBATCH --cpus-per-task=2
#SBATCH --array=0-3
#SBATCH --exclusive
${body('SLURM_ARRAY_TASK_ID')}`)
  })

  it('asks PBS for an array, whose tasks write their output themselves', () => {
    expect(make('pbs', everything).script).toBe(`#!/bin/sh
#PBS -N ipengine
#PBS -S /bin/sh
#PBS -q debug
#PBS -A physics
#PBS -l walltime=01:30:00
#PBS -l select=1:ncpus=2:mem=2048mb
#PBS -J 0-3
exec >/home/me/p/log/pbs-ipengine-ab12-"\${PBS_ARRAY_INDEX}".out 2>&1
${body('PBS_ARRAY_INDEX')}`)
  })

  it('asks Grid Engine for an array', () => {
    expect(make('sge', everything).script).toBe(`#!/bin/sh
#$ -N ipengine
#$ -S /bin/sh
#$ -r n
#$ -j y
#$ -o /home/me/p/log/sge-ipengine-ab12-$TASK_ID.out
#$ -q debug
#$ -P physics
#$ -l h_rt=5400
#$ -l mem_free=2048M
#$ -pe smp 2
#$ -t 1-4
${body('SGE_TASK_ID')}`)
  })

  it('asks LSF for an array', () => {
    expect(make('lsf', everything).script).toBe(`#!/bin/sh
#BSUB -rn
#BSUB -o /home/me/p/log/lsf-ipengine-ab12-%I.out
#BSUB -q debug
#BSUB -P physics
#BSUB -W 90
#BSUB -n 2
#BSUB -R "span[hosts=1]"
#BSUB -R "rusage[mem=2048MB]"
#BSUB -J "ipengine[1-4]"
${body('LSB_JOBINDEX')}`)
  })

  it('describes the job to HTCondor', () => {
    const { queue: _, ...settings } = everything
    const { description, script } = make('htcondor', { ...settings, directives: ['rank = Memory'] })
    expect(script).toBe(`#!/bin/sh\n${body('ITSPARALLEL_TASK')}`)
    expect(description).toBe(`universe = vanilla
executable = /home/me/p/log/htcondor-ipengine-ab12.sh
output = /home/me/p/log/htcondor-ipengine-ab12-$(ProcId).out
error = /home/me/p/log/htcondor-ipengine-ab12-$(ProcId).out
log = /home/me/p/log/htcondor-ipengine-ab12.events
should_transfer_files = IF_NEEDED
batch_name = ipengine
accounting_group = physics
allowed_job_duration = 5400
request_memory = 2048
request_cpus = 2
environment = "ITSPARALLEL_TASK=$(Process)"
rank = Memory
queue 4
`)
    expect(() => make('htcondor', everything)).toThrow(/HTCondor knows no queue/)
  })

  it('starts one engine without an array', () => {
    expect(make('slurm', {}, 1).script).not.toMatch(/array|%a/)
    // An array of PBS must be rerunnable.
    expect(make('pbs', {}, 1).script).toMatch(/^#PBS -r n$/m)
  })

  it('spreads engines over machines with the starter of the system', () => {
    const slurm = make('slurm', { nodes: 2, memory: '1G' }).script
    expect(slurm).toMatch(
      /^#SBATCH --ntasks=4\n#SBATCH --nodes=2\n#SBATCH --ntasks-per-node=2\n#SBATCH --no-kill\n#SBATCH --mem=2048M$/m,
    )
    expect(slurm).toMatch(/^exec srun --ntasks=4 .*ipengine\.js/m)
    const pbs = make('pbs', { nodes: 2 }).script
    expect(pbs).toMatch(/^#PBS -l select=2:ncpus=2:mpiprocs=2$/m)
    expect(pbs).toMatch(/^exec mpiexec -n 4 /m)
  })

  it('has those that take the place of others ask for as many machines as they need', () => {
    expect(make('slurm', { nodes: 2 }, 1, { perNode: 2 }).script).toMatch(/^#SBATCH --nodes=1$/m)
    expect(make('slurm', { nodes: 2 }, 6, { perNode: 2 }).script).toMatch(/^#SBATCH --nodes=3$/m)
  })

  it('has mpiexec start the ranks of one MPI program, and the controller by itself', () => {
    const mpi = { command: '/opt/mpi/mpiexec', args: ['--bind-to', 'none'] }
    const slurm = make('slurm', { mpi: true, nodes: 2 }, 4, { mpi }).script
    expect(slurm).toMatch(/^exec \/opt\/mpi\/mpiexec --bind-to none -n 4 \/usr\/bin\/node .*ipengine\.js/m)
    expect(slurm).not.toMatch(/array|no-kill/)
    expect(make('pbs', { mpi: true }).script).toMatch(/^#PBS -l select=1:ncpus=4:mpiprocs=4$/m)
    expect(make('sge', { mpi: true }).script).toMatch(/^#\$ -pe mpi 4$/m)
    expect(() => make('htcondor', { mpi: true })).toThrow(/HTCondor knows no mpi/)
    const controller = { program: { ...program, name: 'ipcontroller' } }
    const { script } = make('slurm', { mpi: true, nodes: 2 }, 1, controller)
    expect(script).not.toMatch(/mpiexec|nodes/)
  })

  it('starts engines one after the other where arrays are not wanted', () => {
    const { script } = make('pbs', { array: false })
    expect(script).not.toMatch(/-J/)
    expect(script).toMatch(/^#PBS -l select=1:ncpus=4$/m)
    expect(script).toMatch(/for i in \$\(seq 4\); do\n {2}\/usr\/bin\/node .* &\ndone\nwait\n$/)
  })

  it('holds nothing of the environment of whoever submits it', () => {
    for (const name of Object.keys(BATCH_SYSTEMS) as BatchSystemName[])
      expect(make(name).script).not.toMatch(/SECRET/)
  })

  it('refuses names of variables that the shell would take apart', () => {
    expect(() => make('slurm', { environment: { 'A=1;rm': 'x' } })).toThrow(ConfigurationError)
  })
})

describe('jobScript, with a template', () => {
  it('fills in fields, and leaves the braces of the shell', () => {
    const template =
      '#!/bin/sh\n#PBS -l nodes={n//4}:ppn=4\n#PBS -q {queue}\nf() {{ echo @{HOME} @{{PWD}}; }}\nmpiexec -n {n} {command}\n'
    expect(
      make('pbs', { template: template.replaceAll('@', '$'), queue: 'long' }, 8).script.replaceAll('$', '@'),
    ).toBe(
      "#!/bin/sh\n#PBS -l nodes=2:ppn=4\n#PBS -q long\nf() { echo @{HOME} @{PWD}; }\nmpiexec -n 8 /usr/bin/node /x/ipengine.js --profile-dir=/home/me/p '--cluster-id=c 1'\n",
    )
  })

  it('makes an array of a template for one engine', () => {
    const { script } = make('slurm', { template: '#!/bin/bash\n{command}\n' })
    expect(script).toMatch(/^#!\/bin\/bash\n#SBATCH --array=0-3\n\/usr\/bin\/node/)
  })

  it('names the line and the nearest field where one is misspelt', () => {
    expect(() => make('slurm', { template: '#!/bin/sh\n#SBATCH -p {quue}\n{command}\n' })).toThrow(
      'batch.template:2: there is no field {quue}; did you mean {queue}?',
    )
  })

  it('says what must be set for a field', () => {
    expect(() => make('slurm', { template: '#!/bin/sh\n#SBATCH -p {queue}\n{command}\n' })).toThrow(
      'batch.template:2: {queue} has no value: set batch.queue',
    )
  })

  it('refuses one that starts nothing', () => {
    expect(() => make('slurm', { template: '#!/bin/sh\nipengine\n' })).toThrow(/put \{command\}/)
  })
})
