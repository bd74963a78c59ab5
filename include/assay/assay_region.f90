! assay_region.f90: says to Assay what a part of a Fortran program is about. Compile it with the program; there is no
! library to link.
!
!   use assay_region
!   call assay_region_begin('solve')
!   ...
!   call assay_region_end('solve')
!   call assay_counter_add('cells', n)     ! adds up
!   call assay_message('restarted')        ! how often, and in which region
!
! Under `assay run` the report has the exact time and the count of each region, by how they lie in each other, and
! samples taken inside a region have it in their call path, above the procedure that began it. Without Assay a call does
! nothing. A region belongs to the thread that begins it and ends in the procedure that begins it; blanks at the end of
! a name do not count.
!
! The three are pointers to procedures: Assay's own are called without anything between, for a region is told by the
! stack frame of the procedure that calls. Until the first call they point to procedures of this module, which look for
! Assay. Assay's take a name as Fortran compilers for Linux pass character(*): its address, and its length behind all
! other arguments (gfortran, flang, ifx, nvfortran). Fortran 2018 (gfortran: with -std=f2018 or without -std);
! with a C library older than glibc 2.34, link with -ldl.
module assay_region
    use, intrinsic :: iso_c_binding
    implicit none
    private

    abstract interface
        subroutine assay_named(name)
            character(len=*), intent(in) :: name
        end subroutine
        subroutine assay_counted(name, n)
            import :: c_int64_t
            character(len=*), intent(in) :: name
            integer(c_int64_t), value :: n
        end subroutine
        function demand_function(plugin, name) bind(c) result(found)
            import :: c_char, c_ptr
            character(kind=c_char), intent(in) :: plugin(*), name(*)
            type(c_ptr) :: found
        end function
    end interface

    interface
        function c_dlsym(handle, name) bind(c, name='dlsym') result(found)
            import :: c_char, c_ptr, c_funptr
            type(c_ptr), value :: handle
            character(kind=c_char), intent(in) :: name(*)
            type(c_funptr) :: found
        end function
        function c_dlerror() bind(c, name='dlerror') result(text)
            import :: c_ptr
            type(c_ptr) :: text
        end function
    end interface

    interface assay_counter_add
        module procedure add_int32, add_int64
    end interface

    procedure(assay_named), pointer, public, protected :: assay_region_begin => first_begin
    procedure(assay_named), pointer, public, protected :: assay_region_end => nothing
    procedure(assay_named), pointer, public, protected :: assay_message => first_message
    procedure(assay_counted), pointer :: count => first_count
    logical, volatile :: found_at_a_begin = .false.
    public :: assay_counter_add

contains

    ! Called in place of Assay's own, until it is known whether that is there.
    subroutine first_begin(name)
        character(len=*), intent(in) :: name
        procedure(assay_named), pointer :: begin

        ! the stack frame is not the caller's here: Assay's function for this one call looks further out
        if (find('assay_fortran_first'//c_null_char, begin)) call begin(name)
        found_at_a_begin = .true. ! so that the call before is not the last thing done, whose stack frame would be gone
    end subroutine

    subroutine first_message(text)
        character(len=*), intent(in) :: text
        procedure(assay_named), pointer :: message

        if (find('assay_fortran_message'//c_null_char, message)) call message(text)
    end subroutine

    subroutine first_count(name, n)
        character(len=*), intent(in) :: name
        integer(c_int64_t), value :: n
        procedure(assay_named), pointer :: message

        if (find('assay_fortran_message'//c_null_char, message)) call count(name, n)
    end subroutine

    subroutine nothing(name)
        character(len=*), intent(in) :: name

        if (.false.) print *, name ! some compilers warn of what is not used
    end subroutine

    subroutine nothing_counted(name, n)
        character(len=*), intent(in) :: name
        integer(c_int64_t), value :: n

        if (.false.) print *, name, n
    end subroutine

    subroutine add_int32(name, n)
        character(len=*), intent(in) :: name
        integer(c_int32_t), intent(in) :: n

        call count(name, int(n, c_int64_t))
    end subroutine

    subroutine add_int64(name, n)
        character(len=*), intent(in) :: name
        integer(c_int64_t), intent(in) :: n

        call count(name, n)
    end subroutine

    ! Points all of them to Assay's own, or, where that is not there, to those that do nothing; nothing is changed if it
    ! cannot be said yet. Whether it is there, and `wanted`.
    logical function find(wanted_name, wanted)
        character(len=*), intent(in) :: wanted_name
        procedure(assay_named), pointer, intent(out) :: wanted
        procedure(demand_function), pointer :: demand
        type(c_funptr) :: there
        type(c_ptr) :: text
        type(c_ptr) :: found(5)
        integer :: i
        integer, parameter :: longest = 24
        character(kind=c_char, len=longest), parameter :: names(4) = [ character(kind=c_char, len=longest) :: &
            'assay_fortran_begin'//c_null_char, 'assay_fortran_end'//c_null_char, &
            'assay_fortran_message'//c_null_char, 'assay_fortran_count'//c_null_char ]

        find = .false.
        nullify(wanted)
        there = c_dlsym(c_null_ptr, 'assay_demand'//c_null_char)
        found = c_null_ptr
        if (c_associated(there)) then
            call c_f_procpointer(there, demand)
            do i = 1, 4
                found(i) = demand('regions'//c_null_char, names(i))
            end do
            found(5) = demand('regions'//c_null_char, wanted_name)
        else
            text = c_dlerror() ! nobody else is to find it
        end if
        do i = 1, 5
            if (transfer(found(i), 0_c_intptr_t) == -1) return ! it is being loaded just now
        end do
        do i = 1, 5
            if (.not. c_associated(found(i))) then
                assay_region_begin => nothing
                assay_region_end => nothing
                assay_message => nothing
                count => nothing_counted
                return
            end if
        end do
        call c_f_procpointer(transfer(found(1), c_null_funptr), assay_region_begin)
        call c_f_procpointer(transfer(found(2), c_null_funptr), assay_region_end)
        call c_f_procpointer(transfer(found(3), c_null_funptr), assay_message)
        call c_f_procpointer(transfer(found(4), c_null_funptr), count)
        call c_f_procpointer(transfer(found(5), c_null_funptr), wanted)
        find = .true.
    end function
end module
