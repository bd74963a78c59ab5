/*
 * mpi_calls.c: one of each kind of MPI call, by three ranks or more. Rank 0 says what came of them (the same in every run),
 * and each rank writes to OWN.RANK what the plugin should have recorded of it: `metric|function|bytes|times`.
 *
 *   mpi_calls OWN
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size;
static FILE *own;
static long checksum;

static void expect(const char *metric, const char *function, long bytes, long times)
{
	if (times)
		fprintf(own, "%s|%s|%ld|%ld\n", metric, function, bytes, times);
}

/* The same, by a rank. */
static void expect_peer(const char *metric, int peer, long bytes, long times)
{
	char name[32];

	snprintf(name, sizeof name, "rank %d", peer);
	expect(metric, name, bytes, times);
}

static void note(long n)
{
	checksum = checksum * 31 + n;
}

static void messages(void)
{
	int to = (rank + 1) % size, from = (rank + size - 1) % size, flag = 0, n, out[100], in[100];
	MPI_Status status;
	MPI_Message message;
	MPI_Request request[2];

	for (int i = 0; i < 100; i++)
		out[i] = rank * 100 + i;
	for (int i = 1; i <= 10; i++) { /* they are small: they are sent at once */
		MPI_Send(out, i, MPI_INT, to, i, MPI_COMM_WORLD);
		MPI_Recv(in, 100, MPI_INT, MPI_ANY_SOURCE, i, MPI_COMM_WORLD, i % 2 ? MPI_STATUS_IGNORE : &status);
		note(in[i - 1]);
	}
	expect("mpi_sent", "MPI_Send", 220, 10);
	expect("mpi_received", "MPI_Recv", 220, 10);
	MPI_Sendrecv(out, 50, MPI_INT, to, 1, in, 100, MPI_INT, from, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	note(in[49]);
	MPI_Sendrecv_replace(in, 20, MPI_INT, to, 2, from, 2, MPI_COMM_WORLD, &status);
	note(in[19]);
	MPI_Send(out, 5, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD);
	MPI_Recv(in, 5, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &status);
	note(status.MPI_SOURCE == MPI_PROC_NULL);
	expect("mpi_sent", "MPI_Sendrecv", 200, 1);
	expect("mpi_received", "MPI_Sendrecv", 200, 1);
	expect("mpi_sent", "MPI_Sendrecv_replace", 80, 1);
	expect("mpi_received", "MPI_Sendrecv_replace", 80, 1);

	MPI_Isend(out, 7, MPI_INT, to, 3, MPI_COMM_WORLD, &request[0]);
	MPI_Mprobe(from, 3, MPI_COMM_WORLD, &message, &status);
	MPI_Get_count(&status, MPI_INT, &n);
	note(n);
	MPI_Mrecv(in, n, MPI_INT, &message, MPI_STATUS_IGNORE);
	MPI_Wait(&request[0], MPI_STATUS_IGNORE);
	MPI_Issend(out, 8, MPI_INT, to, 4, MPI_COMM_WORLD, &request[0]);
	while (!flag)
		MPI_Iprobe(from, 4, MPI_COMM_WORLD, &flag, &status);
	MPI_Recv(in, 8, MPI_INT, from, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	for (flag = 0; !flag;)
		MPI_Test(&request[0], &flag, MPI_STATUS_IGNORE);
	note(in[7]);
	expect("mpi_sent", "MPI_Isend", 28, 1);
	expect("mpi_sent", "MPI_Issend", 32, 1);
	expect("mpi_received", "MPI_Mrecv", 28, 1);
	expect("mpi_received", "MPI_Recv", 32, 1);
	expect_peer("mpi_to", to, 220 + 200 + 80 + 28 + 32, 14);
	expect_peer("mpi_from", from, 220 + 200 + 80 + 28 + 32, 14);
}

/* Completion in all its forms: each of three rounds has a message of 4 * round bytes each way. */
static void completion(void)
{
	int to = (rank + 1) % size, from = (rank + size - 1) % size, out[8] = { rank }, in[8], flag, n, which[2];
	MPI_Request request[2];
	MPI_Status status[2];

	for (int form = 0; form < 6; form++) {
		MPI_Irecv(in, 8, MPI_INT, from, form, MPI_COMM_WORLD, &request[0]);
		MPI_Isend(out, form + 1, MPI_INT, to, form, MPI_COMM_WORLD, &request[1]);
		flag = n = 0;
		if (form == 0)
			MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
		else if (form == 1)
			MPI_Waitall(2, request, status);
		else if (form == 2)
			for (int i = 0; i < 2; i++)
				MPI_Waitany(2, request, &n, i ? MPI_STATUS_IGNORE : status);
		else if (form == 3)
			for (int done = 0; done < 2; done += n)
				MPI_Waitsome(2, request, &n, which, MPI_STATUSES_IGNORE);
		else if (form == 4)
			while (!flag)
				MPI_Testall(2, request, &flag, status);
		else
			for (int done = 0; done < 2; done += flag)
				MPI_Testany(2, request, &n, &flag, MPI_STATUS_IGNORE);
		note(in[0]);
	}
	expect("mpi_sent", "MPI_Isend", 84, 6);
	expect("mpi_received", "MPI_Irecv", 84, 6);
	expect_peer("mpi_to", to, 84, 6);
	expect_peer("mpi_from", from, 84, 6);
	expect("mpi_flight", "MPI_Irecv", -1, 6);
	expect("mpi_flight", "MPI_Isend", -1, 7);
	expect("mpi_flight", "MPI_Issend", -1, 1);

	MPI_Send_init(out, 3, MPI_INT, to, 9, MPI_COMM_WORLD, &request[0]);
	MPI_Recv_init(in, 8, MPI_INT, from, 9, MPI_COMM_WORLD, &request[1]);
	for (int i = 0; i < 5; i++) {
		MPI_Startall(2, request);
		MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
		note(in[0]);
	}
	MPI_Request_free(&request[0]);
	MPI_Request_free(&request[1]);
	expect("mpi_sent", "MPI_Send_init", 60, 5);
	expect("mpi_received", "MPI_Recv_init", 60, 5);
	expect_peer("mpi_to", to, 60, 5);
	expect_peer("mpi_from", from, 60, 5);
	expect("mpi_flight", "MPI_Recv_init", -1, 5);
	expect("mpi_flight", "MPI_Send_init", -1, 5);
}

static void collectives(void)
{
	int *counts = calloc(size, sizeof(int)), *places = calloc(size, sizeof(int)), *all = calloc(size * 16, sizeof(int)), sum = 0;
	int mine[16], got[16];
	MPI_Request request;

	for (int i = 0; i < size; i++) {
		counts[i] = i + 1;
		places[i] = sum;
		sum += i + 1;
	}
	for (int i = 0; i < 16; i++)
		mine[i] = rank + i;
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Bcast(mine, 4, MPI_INT, 1, MPI_COMM_WORLD);
	expect(rank == 1 ? "mpi_sent" : "mpi_received", "MPI_Bcast", 16, 1);
	MPI_Reduce(mine, got, 2, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Reduce", 8, 1);
	expect("mpi_received", "MPI_Reduce", 8, rank == 0);
	if (rank == 0)
		note(got[1]);
	MPI_Allreduce(MPI_IN_PLACE, mine, 3, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Allreduce", 12, 1);
	expect("mpi_received", "MPI_Allreduce", 12, 1);
	MPI_Gather(mine, 2, MPI_INT, all, 2, MPI_INT, 0, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Gather", 8, 1);
	expect("mpi_received", "MPI_Gather", 8 * size, rank == 0);
	MPI_Gatherv(mine, rank + 1, MPI_INT, all, counts, places, MPI_INT, 2, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Gatherv", 4 * (rank + 1), 1);
	expect("mpi_received", "MPI_Gatherv", 4 * sum, rank == 2);
	MPI_Scatter(all, 3, MPI_INT, got, 3, MPI_INT, 0, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Scatter", 12 * size, rank == 0);
	expect("mpi_received", "MPI_Scatter", 12, 1);
	MPI_Allgather(mine, 1, MPI_DOUBLE, all, 1, MPI_DOUBLE, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Allgather", 8, 1);
	expect("mpi_received", "MPI_Allgather", 8 * size, 1);
	MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, counts, places, MPI_INT, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Allgatherv", 4 * (rank + 1), 1);
	expect("mpi_received", "MPI_Allgatherv", 4 * sum, 1);
	MPI_Alltoall(mine, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Alltoall", 4 * size, 1);
	expect("mpi_received", "MPI_Alltoall", 4 * size, 1);
	MPI_Reduce_scatter(all, got, counts, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Reduce_scatter", 4 * sum, 1);
	expect("mpi_received", "MPI_Reduce_scatter", 4 * (rank + 1), 1);
	MPI_Exscan(mine, got, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Exscan", 4, 1);
	expect("mpi_received", "MPI_Exscan", 4, rank != 0);
	MPI_Iallreduce(mine, got, 5, MPI_INT, MPI_SUM, MPI_COMM_WORLD, &request);
	MPI_Wait(&request, MPI_STATUS_IGNORE);
	expect("mpi_sent", "MPI_Iallreduce", 20, 1);
	expect("mpi_received", "MPI_Iallreduce", 20, 1);
	expect("mpi_flight", "MPI_Iallreduce", -1, 1);
	note(got[4]);
	free(counts);
	free(places);
	free(all);
}

static int uncalled(MPI_Comm comm, int key, void *value, void *extra, int *flag)
{
	(void)comm, (void)key, (void)value, (void)extra;
	return *flag = 0;
}

static void communicators(void)
{
	int ring[1] = { size }, periodic[1] = { 1 }, out[4] = { rank }, in[4], key, got, name_length;
	char name[MPI_MAX_OBJECT_NAME];
	MPI_Comm half, cart, inter, again;
	MPI_Datatype pair;

	MPI_Comm_create_keyval(uncalled, MPI_COMM_NULL_DELETE_FN, &key, NULL);
	for (int i = 0; i < 200; i++) { /* the handle comes back, with other members */
		MPI_Comm_split(MPI_COMM_WORLD, i % 2 ? rank == 0 : rank == size - 1, -rank, &half);
		if (i == 199)
			MPI_Comm_set_name(half, "halves");
		MPI_Allreduce(&rank, &got, 1, MPI_INT, MPI_SUM, half);
		note(got);
		MPI_Comm_get_name(half, name, &name_length);
		note(name_length);
		if (i < 199)
			MPI_Comm_free(&half);
	}
	for (int sent = 0; sent < 2; sent++) {
		expect(sent ? "mpi_sent" : "mpi_received", "MPI_Allreduce on MPI_Comm_split of MPI_COMM_WORLD", 796, 199);
		expect(sent ? "mpi_sent" : "mpi_received", "MPI_Allreduce on halves", 4, 1);
	}
	MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, rank == 0 ? size - 1 : 0, 5, &inter);
	MPI_Bcast(out, 4, MPI_INT, rank == 0 ? MPI_ROOT : 0, inter); /* rank 0 is alone on its side */
	expect(rank == 0 ? "mpi_sent" : "mpi_received", "MPI_Bcast on MPI_Intercomm_create of halves", 16, 1);
	MPI_Intercomm_merge(inter, rank == 0, &again);
	MPI_Comm_free(&inter);
	MPI_Comm_free(&again);
	MPI_Comm_free(&half);
	MPI_Cart_create(MPI_COMM_WORLD, 1, ring, periodic, 0, &cart);
	MPI_Comm_dup(cart, &again);
	MPI_Comm_free(&cart);
	MPI_Type_vector(2, 1, 2, MPI_SHORT, &pair);
	MPI_Type_commit(&pair);
	MPI_Neighbor_allgather(out, 1, pair, in, 2, MPI_SHORT, again);
	expect("mpi_sent", "MPI_Neighbor_allgather on MPI_Comm_dup of MPI_Cart_create of MPI_COMM_WORLD", 8, 1);
	expect("mpi_received", "MPI_Neighbor_allgather on MPI_Comm_dup of MPI_Cart_create of MPI_COMM_WORLD", 8, 1);
	MPI_Type_free(&pair);
	MPI_Comm_free(&again);
	MPI_Comm_free_keyval(&key);
}

static void windows(void)
{
	int shared[8] = { 0 }, out[2] = { rank, 7 }, to = (rank + 1) % size;
	MPI_Win win;

	MPI_Win_create(shared, sizeof shared, sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &win);
	MPI_Win_fence(0, win);
	MPI_Put(out, 2, MPI_INT, to, 1, 2, MPI_INT, win);
	MPI_Win_fence(0, win);
	note(shared[1] * 10 + shared[2]);
	MPI_Win_lock(MPI_LOCK_SHARED, to, 0, win);
	MPI_Get(out, 1, MPI_INT, to, 1, 1, MPI_INT, win);
	MPI_Win_unlock(to, win);
	note(out[0]);
	MPI_Win_free(&win);
	expect("mpi_sent", "MPI_Put", 8, 1);
	expect("mpi_received", "MPI_Get", 4, 1);
	expect_peer("mpi_to", to, 8, 1);
	expect_peer("mpi_from", to, 4, 1);
}

static void files(const char *name)
{
	char path[4096];
	int out[4] = { rank, 1, 2, 3 }, in[4] = { 0 };
	MPI_File file;
	MPI_Status status;

	snprintf(path, sizeof path, "%s.data", name);
	MPI_File_open(MPI_COMM_WORLD, path, MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL, &file);
	MPI_File_write_at_all(file, 16 * rank, out, 4, MPI_INT, &status);
	MPI_File_sync(file);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_File_read_at(file, 16 * ((rank + 1) % size), in, 4, MPI_INT, MPI_STATUS_IGNORE);
	note(in[0]);
	MPI_File_close(&file);
	expect("mpi_written", "MPI_File_write_at_all", 16, 1);
	expect("mpi_read", "MPI_File_read_at", 16, 1);
}

/* What is wrong is told as it is without us. */
static void errors(void)
{
	int n = 0, result, kind;
	MPI_Request none = MPI_REQUEST_NULL;

	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	result = MPI_Send(&n, 1, MPI_INT, size + 5, 0, MPI_COMM_WORLD);
	MPI_Error_class(result, &kind);
	note(kind == MPI_ERR_RANK);
	result = MPI_Bcast(&n, -1, MPI_INT, 0, MPI_COMM_WORLD);
	MPI_Error_class(result, &kind);
	note(kind == MPI_ERR_COUNT);
	note(MPI_Wait(&none, MPI_STATUS_IGNORE) == MPI_SUCCESS);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
}

int main(int argc, char **argv)
{
	char path[4096];
	long *all;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	snprintf(path, sizeof path, "%s.%d", argv[1], rank);
	own = fopen(path, "w");
	if (!own || size != 3)
		MPI_Abort(MPI_COMM_WORLD, 2);
	messages();
	completion();
	collectives();
	communicators();
	windows();
	files(argv[1]);
	errors();
	MPI_Pcontrol(0);
	MPI_Allgather(&rank, 1, MPI_INT, (int[3]){ 0 }, 1, MPI_INT, MPI_COMM_SELF);
	MPI_Pcontrol(1);
	all = calloc(size, sizeof *all);
	PMPI_Gather(&checksum, 1, MPI_LONG, all, 1, MPI_LONG, 0, MPI_COMM_WORLD);
	expect("mpi_sent", "MPI_Gather", 8, 1);
	expect("mpi_received", "MPI_Gather", 8 * size, rank == 0);
	for (int i = 0; rank == 0 && i < size; i++)
		printf("rank %d of %d: %ld\n", i, size, all[i]);
	free(all);
	fclose(own);
	MPI_Finalize();
	return 0;
}
