/*
 * sys.h: system calls made as such, where the C library's functions are cancellation points, and where a handler
 * reaches them: a sanitizer has functions of the same names, which are not for handlers.
 *
 * A thread that is cancelled (or has a cancel pending) must end where the program expects it, not in the middle
 * of Assay's own code with the guard taken. Owns nothing. Safe in handlers. They set errno as syscall(2) does.
 */
#ifndef ASSAY_CORE_SIG_SYS_H
#define ASSAY_CORE_SIG_SYS_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static inline int assay_sys_open(const char *path, int flags, unsigned mode)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static inline void assay_sys_close(int fd)
{
	syscall(SYS_close, fd);
}

static inline ssize_t assay_sys_read(int fd, void *to, size_t size)
{
	return syscall(SYS_read, fd, to, size);
}

static inline ssize_t assay_sys_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
	return syscall(SYS_pwrite64, fd, from, size, offset);
}

static inline ssize_t assay_sys_readlink(const char *path, char *to, size_t size)
{
	return syscall(SYS_readlinkat, AT_FDCWD, path, to, size);
}

static inline ssize_t assay_sys_copy(pid_t self, const struct iovec *to, const struct iovec *from)
{
	return syscall(SYS_process_vm_readv, self, to, 1, from, 1, 0);
}

static inline int assay_sys_ioctl(int fd, unsigned long request, unsigned long argument)
{
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

static inline int assay_sys_fallocate(int fd, uint64_t offset, uint64_t size)
{
	return (int)syscall(SYS_fallocate, fd, 0, offset, size);
}

#endif
