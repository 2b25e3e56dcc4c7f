/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/probe.h - static probes: places that a tracer of the machine can see.
 *
 * A probe is one no-op instruction and a note in the file (.note.stapsdt) that
 * says where it is and where its arguments are; bpftrace, perf and systemtap
 * find it as usdt:FILE:resident:NAME.  Where <sys/sdt.h> was not there to
 * build with (package systemtap-sdt-dev) there are no notes, and the arguments
 * are evaluated for nothing.
 *
 * Names are identifiers without quotes; arguments are integers or pointers
 * and have no side effects.
 */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>) && !defined(VM_NO_PROBES)
#define VM_PROBES 1
#endif
#endif

#ifdef VM_PROBES
#include <sys/sdt.h>

#ifdef __clang__
/* The macros of sdt.h leave out arguments that they never come to. */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

#define VM_PROBE0(name)		DTRACE_PROBE(resident, name)
#define VM_PROBE1(name, a)	DTRACE_PROBE1(resident, name, a)
#define VM_PROBE2(name, a, b)	DTRACE_PROBE2(resident, name, a, b)
#define VM_PROBE3(name, a, b, c)	DTRACE_PROBE3(resident, name, a, b, c)
#else
#define VM_PROBE0(name)		((void)0)
#define VM_PROBE1(name, a)	((void)(a))
#define VM_PROBE2(name, a, b)	((void)(a), (void)(b))
#define VM_PROBE3(name, a, b, c)	((void)(a), (void)(b), (void)(c))
#endif

#endif
