# large.awk: a row of mpi.tab that speaks of COUNT or DISPL becomes two, for the function with int and for that of MPI 4
# with MPI_Count and MPI_Aint, which has _c behind its name: awk -f large.awk mpi.tab >whole.tab

# With blanks around each word, so that one is found whole. mawk knows no word boundaries.
function replaced(row, word, by)
{
	gsub("[ ]" word "[ ]", " " by " ", row)
	return row
}

/^[ \t]*(#|$)/ { next }

{
	line = $0
	sub(/^[ \t]+/, "", line)
	whole = whole line
	if (sub(/\\$/, "", whole))
		next
	print replaced(replaced(whole, "COUNT", "int"), "DISPL", "int")
	if (whole ~ /[ ](COUNT|DISPL)[ ]/) {
		split(whole, column, / \| /)
		sub("[ ]" column[2] "[ ]", " " column[2] "_c ", whole)
		print replaced(replaced(whole, "COUNT", "MPI_Count"), "DISPL", "MPI_Aint")
	}
	whole = ""
}
