/* Each function of mpi.tab has, in this mpi.h, the type that the table says. For interpose.awk, which leaves out no row. */
#include <mpi.h>

@@for CALL FIND MOVE RECEIVE FILE_READ START PERSIST START_ONE START_ALL WAIT_ONE TEST_ONE WAIT_ALL TEST_ALL WAIT_ANY TEST_ANY WAIT_SOME REQUEST_FREE NEW_COMM COMM_FREE WIN_FREE COMM_NAME INIT FINALIZE PCONTROL
#ifdef HAS_P@NAME@ /* @COMM:@ @WIN:@ @KIND:@ @SENT:@ @TO:@ @RECEIVED:@ @FROM:@ @BY_STATUS:@ @FLAG:@ @NEW:@ @MESSAGE:@ */
extern int (*const type_of_@NAME@)(@PARAMETERS@);
int (*const type_of_@NAME@)(@PARAMETERS@) = P@NAME@;
#endif
@@end
