/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/sim.h - `resident sim`: what policies make of a trace.
 */
#ifndef CLI_SIM_SIM_H
#define CLI_SIM_SIM_H

/* argv[0] is the command's name.  The exit status. */
int vm_command_sim(int argc, char **argv);

#endif
