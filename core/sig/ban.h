/*
 * ban.h: included before every file of core/sig/ by the build. What a signal handler must not use
 * does not compile there. tests/check-sig-symbols.sh checks the same on the finished objects, abort and
 * strerror included (names that system headers use for fields and macros, and so cannot be poisoned).
 */
#ifndef ASSAY_CORE_SIG_BAN_H
#define ASSAY_CORE_SIG_BAN_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <dlfcn.h>
#include <link.h>

#pragma GCC poison malloc calloc realloc free strdup asprintf vasprintf
#pragma GCC poison printf fprintf sprintf snprintf vsnprintf puts fputs perror fopen fclose
#pragma GCC poison pthread_mutex_lock pthread_mutex_unlock pthread_rwlock_rdlock pthread_getspecific pthread_setspecific
#pragma GCC poison dlopen dlsym dladdr dlclose dl_iterate_phdr
#pragma GCC poison getenv setenv exit assert sleep usleep nanosleep localtime

#endif
