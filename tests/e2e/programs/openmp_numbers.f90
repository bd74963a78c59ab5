! Fortran calls the same runtimes, and its own names for the locks.
program numbers
  use omp_lib
  implicit none
  integer :: i, j, n, m
  integer(kind=8) :: s, t
  integer(kind=omp_lock_kind) :: lock
  integer(kind=omp_nest_lock_kind) :: nest
  real(kind=8) :: a(200, 200), total

  call omp_init_lock(lock)
  call omp_init_nest_lock(nest)
  s = 0
  t = 0
  n = 0
  m = 0
  !$omp parallel do schedule(guided) reduction(+:s) collapse(2)
  do i = 1, 300
    do j = 1, 20
      s = s + i * j
    end do
  end do
  !$omp end parallel do
  !$omp parallel
  !$omp workshare
  a = 1.5d0
  !$omp end workshare
  !$omp do schedule(dynamic) ordered
  do i = 1, 50
    !$omp ordered
    n = n * 3 + i
    n = mod(n, 1009)
    !$omp end ordered
  end do
  !$omp end do
  call omp_set_lock(lock)
  m = m + 0
  call omp_unset_lock(lock)
  call omp_set_nest_lock(nest)
  call omp_set_nest_lock(nest)
  m = m + 0
  call omp_unset_nest_lock(nest)
  call omp_unset_nest_lock(nest)
  !$omp critical (counting)
  m = m + 0
  !$omp end critical (counting)
  !$omp single
  !$omp taskloop grainsize(5)
  do i = 1, 40
    !$omp atomic
    t = t + i
  end do
  !$omp end taskloop
  do i = 1, 30
    !$omp task firstprivate(i)
    !$omp atomic
    t = t + i * 1000
    !$omp end task
  end do
  !$omp taskwait
  !$omp end single copyprivate(i)
  !$omp end parallel
  if (omp_test_lock(lock)) m = m + 1
  call omp_unset_lock(lock)
  total = sum(a)
  print '(i0,1x,i0,1x,i0,1x,i0,1x,f0.1)', s, t, n, m, total
end program
