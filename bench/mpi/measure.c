/* The same two measurements as measure.mjs, in C: ping-pong of 8 bytes, and Allreduce of 8 MiB of doubles. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCHES 60

static double times[BATCHES];

static int ascending(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static void print(const char *name, const char *after) {
  qsort(times, BATCHES, sizeof(double), ascending);
  printf("\"%s\": {\"least\": %.4f, \"median\": %.4f}%s", name, times[0], times[BATCHES / 2], after);
}

static void ping_pong_us(int rank, int rounds) {
  double value = 0;
  for (int batch = 0; batch < BATCHES; batch++) {
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    for (int i = 0; i < rounds; i++) {
      if (rank == 0) MPI_Send(&value, 1, MPI_DOUBLE, 1, 0, MPI_COMM_WORLD);
      MPI_Recv(&value, 1, MPI_DOUBLE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      if (rank == 1) MPI_Send(&value, 1, MPI_DOUBLE, 0, 0, MPI_COMM_WORLD);
    }
    times[batch] = (MPI_Wtime() - start) / rounds / 2 * 1e6;
  }
}

static void allreduce_ms(int count) {
  double *send = malloc(count * sizeof(double)), *receive = malloc(count * sizeof(double));
  for (int i = 0; i < count; i++) send[i] = 1, receive[i] = 0;
  for (int batch = 0; batch < BATCHES; batch++) {
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    MPI_Allreduce(send, receive, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    times[batch] = (MPI_Wtime() - start) * 1e3;
  }
  free(send);
  free(receive);
}

int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  ping_pong_us(rank, 500);
  if (rank == 0) printf("{"), print("pingPongUs", ", ");
  allreduce_ms(1 << 20);
  if (rank == 0) print("allreduceMs", "}\n");
  MPI_Finalize();
}
