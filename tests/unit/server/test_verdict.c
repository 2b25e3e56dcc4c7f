/* SPDX-License-Identifier: BSD-2-Clause */
/* Each reason by a wish that is good but for that reason. */
#include "check.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "server/server.h"
#include "server/verdict.h"

#define MIB (UINT64_C(1) << 20)

static struct vm_server_options options = { .min_map_bytes = MIB };

static struct vm_wish
good(void)
{
	return (struct vm_wish){
		.length = MIB,
		.prot = PROT_READ,
		.flags = MAP_SHARED,
		.open_flags = O_RDWR,
		.mode = S_IFREG | 0644,
		.filesystem = EXT4_SUPER_MAGIC,
		.name = "/data/a.db",
	};
}

static enum vm_pass
reason_of(struct vm_wish wish)
{
	enum vm_range_kind kind;

	return vm_verdict(&options, &wish, &kind);
}

static enum vm_range_kind
kind_of(struct vm_wish wish)
{
	enum vm_range_kind kind = VM_RANGE_ALIAS;

	CHECK_INT(vm_verdict(&options, &wish, &kind), VM_PASS_NONE);
	return kind;
}

TEST(protection_and_sharing_make_the_kind)
{
	struct vm_wish wish = good();

	CHECK_INT(kind_of(wish), VM_RANGE_READ);
	wish.prot = PROT_READ | PROT_WRITE;
	CHECK_INT(kind_of(wish), VM_RANGE_TRACKED);
	wish.flags = MAP_SHARED_VALIDATE;
	CHECK_INT(kind_of(wish), VM_RANGE_TRACKED);
	wish.flags = MAP_PRIVATE | MAP_NORESERVE;
	CHECK_INT(kind_of(wish), VM_RANGE_PRIVATE);
	wish.open_flags = O_RDONLY;
	CHECK_INT(kind_of(wish), VM_RANGE_PRIVATE);
	wish.prot = PROT_READ;
	CHECK_INT(kind_of(wish), VM_RANGE_READ);
}

TEST(small_maps_are_never_counted)
{
	struct vm_wish wish = good();

	wish.length = MIB - 1;
	CHECK_INT(reason_of(wish), VM_PASS_SMALL);
	CHECK(!vm_verdict_counts(VM_PASS_SMALL));
	CHECK(!vm_verdict_is_strict(VM_PASS_SMALL));
}

TEST(executable_maps_stay_with_the_kernel)
{
	struct vm_wish wish = good();

	wish.prot |= PROT_EXEC;
	CHECK_INT(reason_of(wish), VM_PASS_EXEC);
}

TEST(flags_that_are_not_served_stay_with_the_kernel)
{
	struct vm_wish wish = good();

	wish.flags = MAP_SHARED | MAP_ANONYMOUS;
	CHECK_INT(reason_of(wish), VM_PASS_FLAGS);
	wish.flags = MAP_PRIVATE | MAP_GROWSDOWN;
	CHECK_INT(reason_of(wish), VM_PASS_FLAGS);
	wish.flags = MAP_SHARED_VALIDATE | MAP_SYNC;
	CHECK_INT(reason_of(wish), VM_PASS_FLAGS);
	wish.flags = MAP_PRIVATE | MAP_LOCKED;
	CHECK_INT(reason_of(wish), VM_PASS_FLAGS);
	wish.flags = 0;
	CHECK_INT(reason_of(wish), VM_PASS_FLAGS);
	wish = good();
	wish.prot = PROT_READ | PROT_GROWSDOWN;
	CHECK_INT(reason_of(wish), VM_PASS_FLAGS);
}

TEST(what_is_no_file_of_a_disk_stays_with_the_kernel)
{
	const mode_t modes[] = { S_IFCHR, S_IFBLK, S_IFIFO, S_IFDIR };
	struct vm_wish wish;

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		wish = good();
		wish.mode = modes[i];
		CHECK_INT(reason_of(wish), VM_PASS_SPECIAL);
	}
	wish = good();
	wish.filesystem = PROC_SUPER_MAGIC;
	CHECK_INT(reason_of(wish), VM_PASS_SPECIAL);
	wish.filesystem = TMPFS_MAGIC;
	CHECK_INT(reason_of(wish), VM_PASS_SPECIAL);
	wish = good();
	wish.open_flags = O_PATH;
	CHECK_INT(reason_of(wish), VM_PASS_SPECIAL);
}

TEST(a_descriptor_that_may_not_is_not_managed)
{
	struct vm_wish wish = good();

	wish.open_flags = O_WRONLY;
	CHECK_INT(reason_of(wish), VM_PASS_PERMISSION);
	wish = good();
	wish.open_flags = O_RDONLY;
	wish.prot |= PROT_WRITE;
	CHECK_INT(reason_of(wish), VM_PASS_PERMISSION);
}

TEST(patterns_choose_files)
{
	const char *const all[] = { "*.db", NULL };
	const char *const none[] = { "/data/*", NULL };
	const char *const other[] = { "*.mdb", "/tmp/*", NULL };

	options.include = all;
	CHECK_INT(reason_of(good()), VM_PASS_NONE);
	options.exclude = none;
	CHECK_INT(reason_of(good()), VM_PASS_PATTERN);
	options.exclude = NULL;
	options.include = other;
	CHECK_INT(reason_of(good()), VM_PASS_PATTERN);
	options.include = NULL;
	CHECK_INT(reason_of(good()), VM_PASS_NONE);
	CHECK(!vm_verdict_is_strict(VM_PASS_PATTERN));
	CHECK(vm_verdict_counts(VM_PASS_PATTERN));
}

TEST(memory_files_are_managed_when_they_are_named)
{
	const char *const all[] = { "/data/*", NULL };
	struct vm_wish wish = good();

	wish.filesystem = TMPFS_MAGIC;
	options.include = all;
	CHECK_INT(reason_of(wish), VM_PASS_NONE);
	/* Naming does not make the kernel's own files readable twice. */
	wish.filesystem = SYSFS_MAGIC;
	CHECK_INT(reason_of(wish), VM_PASS_SPECIAL);
	options.include = NULL;
}

TEST(every_reason_has_words_of_its_own)
{
	for (int a = VM_PASS_NONE; a <= VM_PASS_PRIVATE; a++) {
		const char *text = vm_verdict_text((enum vm_pass)a);

		CHECK(text[0] != '\0');
		for (int b = VM_PASS_NONE; b < a; b++)
			CHECK(strcmp(text, vm_verdict_text((enum vm_pass)b)) !=
			    0);
	}
}

TEST(strict_is_about_what_the_user_did_not_ask_for)
{
	CHECK(!vm_verdict_counts(VM_PASS_NONE));
	CHECK(!vm_verdict_is_strict(VM_PASS_NONE));
	CHECK(!vm_verdict_is_strict(VM_PASS_SMALL));
	CHECK(!vm_verdict_is_strict(VM_PASS_PATTERN));
	CHECK(vm_verdict_is_strict(VM_PASS_EXEC));
}
