// The same two measurements as measure.c, in JavaScript: ping-pong of 8 bytes, and Allreduce of 8 MiB of doubles.
import { MPI } from 'itsparallel/mpi'

const world = MPI.COMM_WORLD
const { rank } = world

function pingPongUs(rounds) {
  const value = new Float64Array(1)
  world.barrier()
  const start = MPI.wtime()
  for (let i = 0; i < rounds; i++) {
    if (rank === 0) world.Send(value, 1)
    world.Recv(value, 1 - rank)
    if (rank === 1) world.Send(value, 0)
  }
  return ((MPI.wtime() - start) / rounds / 2) * 1e6
}

function allreduceMs(count, rounds) {
  const send = new Float64Array(count).fill(1)
  const receive = new Float64Array(count)
  world.Allreduce(send, receive)
  world.barrier()
  const start = MPI.wtime()
  for (let i = 0; i < rounds; i++) world.Allreduce(send, receive)
  return ((MPI.wtime() - start) / rounds) * 1e3
}

pingPongUs(2000)
const pingPong = pingPongUs(20_000)
const allreduce = allreduceMs(1 << 20, 20)
if (rank === 0) console.log(JSON.stringify({ pingPongUs: pingPong, allreduceMs: allreduce }))
