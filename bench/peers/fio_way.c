/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/fio_way.h"

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct fio_way *fio = self;
	struct fio_result result;
	char why[FIO_WHY_BYTES];
	int error = fio_run(&fio->job, &result, why);

	if (error != 0) {
		bench_missing(fio->way, "%s", why);
		return error;
	}
	figures[BENCH_NS] = 1e9 / result.ios_per_s;
	figures[BENCH_CPU] = result.cpu_us_per_io * 1e3;
	figures[BENCH_RATE] = result.ios_per_s;
	figures[FIO_P99] = result.p99_us * 1e3;
	return 0;
}

void
fio_way_init(struct bench_way *way, const char *name, struct fio_way *fio)
{
	*way = (struct bench_way){.name = name, .self = fio, .once = once};
	fio->way = way;
	bench_at_signal(fio_abandon);
}
