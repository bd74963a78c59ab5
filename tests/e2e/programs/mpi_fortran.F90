! One program for the three ways in which Fortran has MPI: -DWAY=1 by mpif.h, 2 by the module mpi, 3 by mpi_f08.
program mpi_fortran
#if WAY == 2
  use mpi
#elif WAY == 3
  use mpi_f08
#endif
  implicit none
#if WAY == 1
  include 'mpif.h'
#endif
#if WAY == 3
  type(MPI_Status) :: status
  type(MPI_Request) :: requests(2)
  type(MPI_Comm) :: half
#define SOURCE_OF(s) s%MPI_SOURCE
#else
  integer :: status(MPI_STATUS_SIZE), requests(2), half
#define SOURCE_OF(s) s(MPI_SOURCE)
#endif
  integer :: error, rank, size, i, to, from
  double precision :: out(100), in(100), total
  call MPI_Init(error)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, error)
  call MPI_Comm_size(MPI_COMM_WORLD, size, error)
  to = mod(rank + 1, size)
  from = mod(rank + size - 1, size)
  out = rank
  total = 0
  do i = 1, 10
    call MPI_Sendrecv(out, 100, MPI_DOUBLE_PRECISION, to, 0, in, 100, MPI_DOUBLE_PRECISION, from, 0, &
      MPI_COMM_WORLD, status, error)
    call MPI_Irecv(in, 100, MPI_DOUBLE_PRECISION, from, 0, MPI_COMM_WORLD, requests(1), error)
    call MPI_Isend(out, 100, MPI_DOUBLE_PRECISION, to, 0, MPI_COMM_WORLD, requests(2), error)
    call MPI_Waitall(2, requests, MPI_STATUSES_IGNORE, error)
    call MPI_Allreduce(MPI_IN_PLACE, out, 100, MPI_DOUBLE_PRECISION, MPI_SUM, MPI_COMM_WORLD, error)
    out = out / size
    total = total + sum(in) + SOURCE_OF(status)
  end do
  call MPI_Comm_split(MPI_COMM_WORLD, mod(rank, 2), rank, half, error)
  call MPI_Bcast(out, 5, MPI_DOUBLE_PRECISION, 0, half, error)
  call MPI_Comm_free(half, error)
  call MPI_Reduce(total, in, 1, MPI_DOUBLE_PRECISION, MPI_SUM, 0, MPI_COMM_WORLD, error)
  if (rank == 0) print '(a, f0.3)', 'total ', in(1)
  call MPI_Finalize(error)
end program
