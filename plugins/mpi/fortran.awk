# fortran.awk: of each function in the table, the names that its forms for Fortran have in libraries, for fortran.in.c:
#
#   mpi_send_          mpif.h and the module mpi; gfortran's way with names, and that of most others
#   mpi_send_f08_      the module mpi_f08
#   mpi_send_f08ts_    the same, where there are arguments that may be arrays (MPICH); with large_ for large counts

{
	split($0, column, / \| /)
	name = tolower(column[2])
	if (column[4] ~ /^PCONTROL/)
		next
	if (sub(/_c$/, "", name)) {
		print "void | " name "_f08_large_ | void | FORTRAN"
		print "void | " name "_f08ts_large_ | void | FORTRAN"
		next
	}
	print "void | " name "_ | void | FORTRAN"
	print "void | " name "_f08_ | void | FORTRAN"
	print "void | " name "_f08ts_ | void | FORTRAN"
}
