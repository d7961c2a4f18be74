#!/bin/sh
# A parameter study as one job of Slurm: the cluster starts inside the job, and ends with it.
#
#   POINTS=441 sbatch examples/slurm/job.sh        in the folder of this package, after `npm run build`
#
# What it prints goes into the job's output file.
#SBATCH --job-name=parameter-study
#SBATCH --time=00:30:00

cd "${SLURM_SUBMIT_DIR:-$PWD}" || exit 1
engines=${ENGINES:-2}
cluster=study-$$
ipcluster() { node dist/cli/ipcluster.js "$@" --cluster-id="$cluster"; }

# However the job ends, nothing of the cluster is left: also when it runs out of time.
trap 'ipcluster stop --quiet' EXIT
trap 'exit 143' TERM

# Comes back when all engines are up: there is no need to sleep. On several machines, add --engines=mpi.
ipcluster start --n="$engines" --daemonize || exit 1
node --import tsx examples/parameter-study/study.ts --cluster-id="$cluster" \
  --points="${POINTS:-441}" --output="${OUTPUT:-examples/parameter-study/out/epidemic.svg}"
