! numbers: recursion, internal procedures passed as arguments, array expressions, strings and formatted output.
module kinds
  implicit none
  integer, parameter :: dp = kind(1.0d0)
contains
  recursive function ackermann(m, n) result(r)
    integer, intent(in) :: m, n
    integer :: r
    if (m == 0) then
      r = n + 1
    else if (n == 0) then
      r = ackermann(m - 1, 1)
    else
      r = ackermann(m - 1, ackermann(m, n - 1))
    end if
  end function ackermann

  function integral(f, a, b, n) result(s)
    interface
      function f(x)
        import :: dp
        real(dp), intent(in) :: x
        real(dp) :: f
      end function f
    end interface
    real(dp), intent(in) :: a, b
    integer, intent(in) :: n
    real(dp) :: s
    integer :: i
    s = 0
    do i = 1, n
      s = s + f(a + (b - a) * (i - 0.5_dp) / n)
    end do
    s = s * (b - a) / n
  end function integral
end module kinds

program numbers
  use kinds
  implicit none
  character(len=32) :: argument, text
  integer :: rounds, i
  real(dp) :: total, k
  real(dp), allocatable :: a(:, :), b(:, :)
  rounds = 10
  if (command_argument_count() > 0) then
    call get_command_argument(1, argument)
    read (argument, *) rounds
  end if
  allocate (a(40, 40), b(40, 40))
  total = 0
  do i = 1, rounds
    k = i
    a = k / 7
    b = transpose(a) + 1
    total = total + sum(matmul(a, b)) / 1000 + integral(wave, 0.0_dp, 3.0_dp, 2000) + ackermann(2, 20)
    write (text, '(f16.4)') mod(total, 1.0e6_dp)
    read (text, *) k
    total = total + mod(k, 10.0_dp)
  end do
  print '(f20.2)', total
contains
  function wave(x)
    real(dp), intent(in) :: x
    real(dp) :: wave
    wave = sin(x * k) + sqrt(x) * exp(-x)
  end function wave
end program numbers
