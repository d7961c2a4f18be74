/* The same two measurements as measure.mjs, in C: ping-pong of 8 bytes, and Allreduce of 8 MiB of doubles. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static double ping_pong_us(int rank, int rounds) {
  double value = 0;
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  for (int i = 0; i < rounds; i++) {
    if (rank == 0) MPI_Send(&value, 1, MPI_DOUBLE, 1, 0, MPI_COMM_WORLD);
    MPI_Recv(&value, 1, MPI_DOUBLE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (rank == 1) MPI_Send(&value, 1, MPI_DOUBLE, 0, 0, MPI_COMM_WORLD);
  }
  return (MPI_Wtime() - start) / rounds / 2 * 1e6;
}

static double allreduce_ms(int count, int rounds) {
  double *send = malloc(count * sizeof(double)), *receive = malloc(count * sizeof(double));
  for (int i = 0; i < count; i++) send[i] = 1, receive[i] = 0;
  MPI_Allreduce(send, receive, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  for (int i = 0; i < rounds; i++) MPI_Allreduce(send, receive, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  double ms = (MPI_Wtime() - start) / rounds * 1e3;
  free(send);
  free(receive);
  return ms;
}

int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  ping_pong_us(rank, 2000);
  double us = ping_pong_us(rank, 20000), ms = allreduce_ms(1 << 20, 20);
  if (rank == 0) printf("{\"pingPongUs\": %.4f, \"allreduceMs\": %.4f}\n", us, ms);
  MPI_Finalize();
}
