/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/rescue.h - who frees pages while the daemon waits for a pager.
 *
 * The daemon ends a pass when what it wrote is written.  A pager that takes its
 * time, or never answers, keeps it there, and with it everybody who waits for
 * memory, though others' clean pages could leave at once.  A second thread
 * sleeps until somebody has waited for 20 ms in one and the same pass while no
 * page was given back; then it looks through the policy's victims in the
 * daemon's place, lets those leave that are clean, and passes over the others,
 * as long as memory is short.  It never writes, so it cannot hang as the daemon
 * does, and it does nothing as long as the daemon gets on.
 *
 *	rests --somebody waits in a pass--> looks on --20 ms, nothing given-->
 *	sweeps --> looks on ... --pass over, or nobody waits--> rests
 *
 * Not promised: pages that the daemon has locked for its writes, a batch at
 * most, wait with it, whoever's they are.
 */
#ifndef PAGEOUT_RESCUE_H
#define PAGEOUT_RESCUE_H

#include "base/compiler.h"
#include "object/vm.h"

/* The thread's; arg: the system.  Until vm_limit_stop_daemon. */
void vm_rescue_run(void *arg);

/* Clean victims leave, as long as memory is short: how many did. */
uint32_t vm_rescue_sweep(struct vm *vm);

#endif
