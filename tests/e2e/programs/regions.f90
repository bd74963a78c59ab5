! regions.f90: marks parts of itself by include/assay/assay_region.f90, and times them by its own clock. The file that the
! argument names gets a line a region: its name, how often it was open, and its wall time without the regions inside it, ns.
module work
    use, intrinsic :: iso_fortran_env, only: int64, real64
    use assay_region
    implicit none
    integer(int64) :: solve_ns = 0, step_ns = 0
    integer :: solves = 0, steps = 0
    real(real64) :: sink = 0
contains
    integer(int64) function now()
        integer(int64) :: count, rate
        call system_clock(count, rate)
        now = int(real(count, real64) / real(rate, real64) * 1e9_real64, int64)
    end function

    subroutine burn(ms)
        integer, intent(in) :: ms
        integer(int64) :: end
        integer :: i
        end = now() + int(ms, int64) * 1000000
        do while (now() < end)
            do i = 1, 1000
                sink = sink + sqrt(real(i, real64))
            end do
        end do
    end subroutine

    subroutine in_step(ms)
        integer, intent(in) :: ms
        call burn(ms)
        sink = sink + 2 ! of equal procedures the compiler would make one
    end subroutine

    subroutine in_solve(ms)
        integer, intent(in) :: ms
        call burn(ms)
        sink = sink + 1
    end subroutine

    subroutine step(name)
        character(*), intent(in) :: name
        integer(int64) :: begin
        call assay_region_begin(name)
        begin = now()
        call in_step(10)
        step_ns = step_ns + now() - begin
        steps = steps + 1
        call assay_region_end(name)
    end subroutine

    subroutine solve(n)
        integer, intent(in) :: n
        character(40) :: padded
        integer(int64) :: begin
        integer :: i
        begin = now()
        call assay_region_begin('solve')
        padded = 'step'
        call in_solve(20)
        do i = 1, n
            call step(padded)
            call assay_counter_add('steps', 2)
            call assay_counter_add('steps', 1_int64)
        end do
        call assay_message('solved')
        call assay_region_end('solve  ')
        solve_ns = solve_ns + now() - begin
        solves = solves + 1
    end subroutine

    ! Not ended: that is seen at the next one of a procedure further out.
    subroutine forget()
        call assay_region_begin('forgotten')
        sink = sink + 1
    end subroutine

    recursive subroutine recurse(depth)
        integer, intent(in) :: depth
        call assay_region_begin('recursion')
        if (depth > 1) call recurse(depth - 1)
        call assay_region_end('recursion')
    end subroutine
end module

program regions
    use work
    implicit none
    character(256) :: file
    integer :: i, unit
    do i = 1, 10
        call solve(3)
    end do
    call recurse(20)
    call forget()
    call assay_region_begin('after')
    call assay_region_end('after')
    call assay_region_end('never begun')
    print '(a, i0)', 'steps: ', steps
    call get_command_argument(1, file)
    if (len_trim(file) > 0) then
        open (newunit=unit, file=trim(file), action='write')
        write (unit, '(a, 1x, i0, 1x, i0, a)') 'solve', solves, solve_ns - step_ns, ' 0'
        write (unit, '(a, 1x, i0, 1x, i0, a)') 'step', steps, step_ns, ' 0'
        close (unit)
    end if
end program
