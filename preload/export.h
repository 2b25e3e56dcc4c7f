/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/export.h - the functions of libc that the library stands in front
 * of; preload.map lists them.
 *
 * They translate: arguments into the shim's, negative errnos into errno.  The
 * libc headers declare them.  Fortified headers would define some inline, so
 * these files are compiled without.
 */
#ifndef EXPORT_H
#define EXPORT_H

#define VM_EXPORT __attribute__((visibility("default")))

#endif
