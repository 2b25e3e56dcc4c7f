/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of filters: every key, and a precise sentence for what is wrong. */
#include "memory_pager.h"
#include "object/vm.h"
#include "pager/filter.h"

static struct vm_filter *
parse(const char *text)
{
	struct vm_filter *f = NULL;

	CHECK_INT(vm_filter_parse(vm, text, strlen(text), &f), 0);
	return f;
}

static void
end(void)
{
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

TEST(a_name_alone_selects_everything)
{
	struct vm_filter *f;

	mem_system(NULL);
	f = parse("error");
	CHECK_STR(f->kind->name, "error");
	CHECK_INT(f->ops, 7);
	CHECK(f->first == 0 && f->end == UINT64_MAX);
	CHECK(f->nth == 0 && f->rate == 1000000000 && f->count == 0);
	CHECK(f->error == EIO && f->trigger == NULL && f->fd == -1);
	vm_filter_free(f);
	f = parse("error:");
	vm_filter_free(f);
	f = parse("retry");
	CHECK_INT(f->count, VM_FILTER_TRIES);
	vm_filter_free(f);
	vm_filter_free(parse("stats"));
	end();
}

TEST(each_key_is_read)
{
	struct vm_filter *f;

	mem_system(NULL);
	f = parse("error:op=read+sync,range=3-9,nth=7,rate=0.25,seed=42,"
	    "count=11,errno=ENOSPC,trigger=a/b:c");
	CHECK_INT(f->ops, 1 << VM_FILTER_READ | 1 << VM_FILTER_SYNC);
	CHECK(f->first == 3 && f->end == 10 && f->nth == 7);
	CHECK(f->rate == 250000000 && f->seed == 42 && f->count == 11);
	CHECK_INT(f->error, ENOSPC);
	CHECK_STR(f->trigger, "a/b:c");
	vm_filter_free(f);
	f = parse("delay:ns=5,op=write");
	CHECK(f->ns == 5 && f->ops == 1 << VM_FILTER_WRITE);
	CHECK(f->timer != NULL && f->timer == vm->timer);
	vm_filter_free(f);
	f = parse("log:file=/dev/null,file=/dev/zero");	/* the last one */
	CHECK_STR(f->file, "/dev/zero");
	CHECK(f->fd >= 0);
	vm_filter_free(f);
	f = parse("retry:count=64,ns=1");
	CHECK(f->count == 64 && f->ns == 1);
	vm_filter_free(f);
	end();
}

TEST(ranges_rates_and_errors_have_several_forms)
{
	static const struct {
		const char *text;
		uint64_t first, end, rate;
		int error;
	} forms[] = {
		{ "error:range=5", 5, 6, 1000000000, EIO },
		{ "error:range=5-", 5, UINT64_MAX, 1000000000, EIO },
		{ "error:range=0-0", 0, 1, 1000000000, EIO },
		{ "error:range=1-18446744073709551615", 1, UINT64_MAX,
		    1000000000, EIO },
		{ "error:rate=0", 0, UINT64_MAX, 0, EIO },
		{ "error:rate=1.0", 0, UINT64_MAX, 1000000000, EIO },
		{ "error:rate=.5", 0, UINT64_MAX, 500000000, EIO },
		{ "error:rate=0.000000001", 0, UINT64_MAX, 1, EIO },
		{ "error:errno=5", 0, UINT64_MAX, 1000000000, 5 },
		{ "error:errno=EAGAIN", 0, UINT64_MAX, 1000000000, EAGAIN },
		{ "error:errno=4095", 0, UINT64_MAX, 1000000000, 4095 },
	};

	mem_system(NULL);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct vm_filter *f = parse(forms[i].text);

		CHECK(f->first == forms[i].first && f->end == forms[i].end);
		CHECK_INT(f->rate, forms[i].rate);
		CHECK_INT(f->error, forms[i].error);
		vm_filter_free(f);
	}
	end();
}

TEST(what_is_wrong_is_said)
{
	static const struct {
		const char *text, *sentence;
	} bad[] = {
		{ "", "there is none called \"\"" },
		{ "eror", "there is none called \"eror\"; there are: error, "
		    "delay, log, stats, retry" },
		{ "error:opp=read", "filter \"error\": it has no key \"opp\"; "
		    "it has: op range nth rate seed count trigger errno" },
		{ "error:file=x", "it has no key \"file\"" },
		{ "stats:op=read", "it has no key \"op\"; it has: " },
		{ "retry:nth=3", "it has no key \"nth\"" },
		{ "error:nth", "nth needs a value, as in nth=..." },
		{ "error:,", "it has no key \"\"" },
		{ "error:nth=", "nth= is not a number" },
		{ "error:nth=-1", "nth=-1 is not a number" },
		{ "error:nth=18446744073709551616", "is not a number" },
		{ "error:op=", "op= is not read, write or sync" },
		{ "error:op=read+", "" },
		{ "error:op=reads", "op=reads is not read, write or sync" },
		{ "error:range=9-3", "range=9-3 is not FIRST-LAST" },
		{ "error:range=-3", "range=-3 is not FIRST-LAST" },
		{ "error:range=1-2-3", "range=1-2-3 is not FIRST-LAST" },
		{ "error:rate=1.1", "rate=1.1 is not a number from 0 to 1" },
		{ "error:rate=.", "rate=. is not" },
		{ "error:rate=0.0000000001", "is not a number from 0 to 1" },
		{ "error:rate=1e3", "rate=1e3 is not" },
		{ "error:errno=EWHAT", "errno=EWHAT is not EIO, ENOSPC" },
		{ "error:errno=0", "errno=0 is not" },
		{ "error:errno=4096", "errno=4096 is not" },
		{ "error:trigger=", "trigger= is not a path" },
		{ "delay", "filter \"delay\": needs ns=NUMBER" },
		{ "delay:ns=0", "needs ns=NUMBER" },
		{ "log", "filter \"log\": needs file=PATH" },
		{ "log:file=/no/such/file", "/no/such/file: No such file" },
		{ "retry:count=65", "count is above 64" },
	};

	mem_system(NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vm_filter *f = NULL;
		int error = vm_filter_parse(vm, bad[i].text,
		    strlen(bad[i].text), &f);

		if (bad[i].sentence[0] == '\0') {
			CHECK_INT(error, 0);	/* nothing behind a + */
			vm_filter_free(f);
			continue;
		}
		CHECK(error < 0 && f == NULL);
		if (strstr(vm_last_error(), bad[i].sentence) == NULL)
			CHECK_STR(vm_last_error(), bad[i].sentence);
	}
	end();
}

TEST(whatever_fails_gives_everything_back)
{
	static const char text[] = "log:file=/dev/null,trigger=x,op=read";
	static const char late[] = "delay:ns=5";
	unsigned n = 0, failures = 0;

	for (bool failed = true; failed; ) {
		struct vm_filter *f = NULL;
		const char *what = n % 2 == 0 ? text : late;

		mem_system(NULL);
		atomic_store(&faulty.failed, NULL);
		faulty.fail_at = atomic_load(&faulty.calls) + ++n / 2 + 1;
		if (vm_filter_parse(vm, what, strlen(what), &f) == 0)
			vm_filter_free(f);
		else
			failures++;
		failed = faulty.failed != NULL || n < 3;
		faulty.fail_at = 0;
		end();
	}
	CHECK(failures >= 4);
}
