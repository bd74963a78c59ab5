# Macros of Assay's own: warnings that the compiler knows, and the list of what is missing.

# ASSAY_WARNINGS(VARIABLE, FLAG...): sets VARIABLE to those of the flags that the compiler takes.
AC_DEFUN([ASSAY_WARNINGS], [
  $1=
  assay_saved_CFLAGS=$CFLAGS
  m4_foreach_w([assay_flag], [$2], [
    AC_MSG_CHECKING([whether $CC takes assay_flag])
    CFLAGS="$assay_saved_CFLAGS -Werror assay_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
      [AC_MSG_RESULT([yes]); $1="$$1 assay_flag"],
      [AC_MSG_RESULT([no])])
  ])
  CFLAGS=$assay_saved_CFLAGS
  AC_SUBST([$1])
])

# ASSAY_FOUND(WHAT, WHAT-FOR): a line of the closing summary.
AC_DEFUN([ASSAY_FOUND], [
  assay_summary="$assay_summary
  found    $1 ($2)"
])

# ASSAY_MISSING(KIND, WHAT, WHAT-FOR, DEBIAN-PACKAGE, FEDORA-PACKAGE): likewise. KIND is required, optional or
# test. Nothing stops here: ASSAY_SUMMARY reports everything that is missing at once.
AC_DEFUN([ASSAY_MISSING], [
  assay_summary="$assay_summary
  missing  $2 ($3): $1"
  AS_VAR_APPEND([assay_debian_$1], [" $4"])
  AS_VAR_APPEND([assay_fedora_$1], [" $5"])
])

# ASSAY_LIBRARY(VARIABLE, KIND, PKG-CONFIG-MODULE, WHAT-FOR, DEBIAN-PACKAGE, FEDORA-PACKAGE, [IF-FOUND], [IF-NOT])
AC_DEFUN([ASSAY_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$3],
    [ASSAY_FOUND([$3], [$4])
     $7],
    [ASSAY_MISSING([$2], [$3], [$4], [$5], [$6])
     $8])
])

# ASSAY_OMPT(VARIABLE): sets VARIABLE to the preprocessor's flags for omp-tools.h, unless the user has, and defines
# HAVE_OMP_TOOLS_H if it is there.
AC_DEFUN([ASSAY_OMPT], [
  AC_MSG_CHECKING([for omp-tools.h])
  assay_ompt=no
  assay_saved_CPPFLAGS=$CPPFLAGS
  for assay_folder in "" $(clang -print-resource-dir 2>/dev/null)/include \
      $(ls -d /usr/lib*/llvm-*/lib*/clang/*/include /usr/lib*/clang/*/include 2>/dev/null | sort -rV); do
    assay_flags=$$1
    AS_IF([test -z "$assay_flags" && test -n "$assay_folder"], [assay_flags="-idirafter $assay_folder"])
    CPPFLAGS="$assay_saved_CPPFLAGS $assay_flags"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <omp-tools.h>
ompt_start_tool_result_t r;
int k = ompt_callback_nest_lock + ompt_sync_region_barrier_implicit_parallel;]])], [assay_ompt=yes; $1=$assay_flags; break])
  done
  CPPFLAGS=$assay_saved_CPPFLAGS
  AC_MSG_RESULT([$assay_ompt${$1:+ ($$1)}])
  AS_IF([test $assay_ompt = yes],
    [AC_DEFINE([HAVE_OMP_TOOLS_H], [1], [Define to 1 to measure OpenMP runtimes of LLVM's kind.])
     ASSAY_FOUND([omp-tools.h], [OpenMP programs built by clang and its relatives])],
    [ASSAY_MISSING([optional], [omp-tools.h], [OpenMP programs built by clang and its relatives], [libomp-dev], [libomp-devel])])
])

# ASSAY_TEST_TOOL(COMMAND, DEBIAN-PACKAGE, FEDORA-PACKAGE): a program that the tests run.
AC_DEFUN([ASSAY_TEST_TOOL], [
  AC_PATH_PROG(assay_path_[]m4_translit([$1], [+-], [p_]), [$1], [no])
  AS_IF([test "$assay_path_[]m4_translit([$1], [+-], [p_])" = no],
    [ASSAY_MISSING([test], [$1], [make check runs it], [$2], [$3])])
])

# ASSAY_SUMMARY: what was found, what is missing, and which package has it.
AC_DEFUN([ASSAY_SUMMARY], [
  AS_ECHO(["
assay $PACKAGE_VERSION
$assay_summary
"])
  m4_foreach_w([assay_kind], [required optional test], [
    AS_IF([test -n "$assay_debian_[]assay_kind"], [
      AS_CASE([assay_kind],
        [required], [AS_ECHO(["Assay cannot be built without what is missing and required. To install it:"])],
        [optional], [AS_ECHO(["Optional, and not there. To install it:"])],
        [AS_ECHO(["make check will fail for want of these. To install them:"])])
      AS_ECHO(["  Debian, Ubuntu:  apt-get install$assay_debian_[]assay_kind"])
      AS_ECHO(["  Fedora:          dnf install$assay_fedora_[]assay_kind
"])
    ])
  ])
])

# ASSAY_REQUIRE: stops with the summary if something required is missing, so before anything can be built.
AC_DEFUN([ASSAY_REQUIRE], [
  AS_IF([test -n "$assay_debian_required"], [
    ASSAY_SUMMARY
    AC_MSG_ERROR([missing:$assay_debian_required (the packages' names on Debian; see above)])
  ])
])
