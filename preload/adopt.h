/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/adopt.h - a small map of the kernel's that grows large.
 *
 * A map below --min-map stays the kernel's, but SQLite maps its database when
 * it is small and grows the map with the file.  At the mremap that crosses the
 * line the file is found again (/proc/self/maps says which one, a descriptor
 * of it that the process still has open is the means) and mapped anew as if the
 * program had asked for the large map at once; the old one goes.  The bytes
 * are the file's: what was written through a shared map of the kernel's is in
 * its page cache, where the server looks first.
 */
#ifndef ADOPT_H
#define ADOPT_H

#include "map.h"

/*
 * The new address, when the mapping was taken over by the server or at least
 * made anew; a negative errno when it stays as it is and the kernel's mremap
 * is right.
 */
long vm_shim_adopt(const struct vm_remap_call *remap);

#endif
