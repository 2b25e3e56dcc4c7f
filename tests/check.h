/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h - the harness of all C tests, over cmocka.
 *
 *	TEST(name)		defines a test; the name is a true sentence
 *	CHECK(cond)		fails with file, line and the text of cond
 *	CHECK_INT(a, b)		a == b for integers; prints both
 *	CHECK_STR(a, b)		strcmp(a, b) == 0; prints both
 *	CHECK_DIES(stmt)	stmt ends the process by SIGABRT
 *	CHECK_SKIP(why)		this machine cannot run the test
 *
 * Tests run in the order they are written in.  There is no main() to write:
 * check.c has it.  `test_x 'name*'` runs only the tests that match.
 *
 * A failed check in the test's own thread ends the test; in another thread it
 * ends the whole program by abort(), since nobody could unwind that thread; in
 * a process the test forked it ends that process with status 1, which the
 * parent has to look at.  Each writes its line to stderr first.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Whether a sanitizer was built in; gcc and clang tell in different ways. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECK_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define CHECK_TSAN 1
#endif
#endif
#if !defined(CHECK_ASAN) && defined(__SANITIZE_ADDRESS__)
#define CHECK_ASAN 1
#elif !defined(CHECK_ASAN)
#define CHECK_ASAN 0
#endif
#if !defined(CHECK_TSAN) && defined(__SANITIZE_THREAD__)
#define CHECK_TSAN 1
#elif !defined(CHECK_TSAN)
#define CHECK_TSAN 0
#endif
#define CHECK_SANITIZED (CHECK_ASAN || CHECK_TSAN)

struct check_test {
	const char *name;
	void (*run)(void);
	struct check_test *next;
};

/* Where a check stands and what it says. */
struct check_site {
	const char *file;
	int line;
	const char *text;
};

void check_register(struct check_test *test);
_Noreturn void check_failed(struct check_site site);
void check_int(struct check_site site, intmax_t a, intmax_t b);
void check_str(struct check_site site, const char *a, const char *b);
_Noreturn void check_skip(const char *why);

/* True in a new child with stderr silenced; false in the parent, when the
 * child has ended. */
bool check_fork(void);
_Noreturn void check_survived(void);
void check_died(struct check_site site);

/*
 * The seed of a random test: RESIDENT_SEED of the environment, or a fresh
 * one.  Prints it, with how to repeat the run.
 */
uint64_t check_seed(void);

#define TEST(test_name)                                                        \
	static void test_name(void);                                           \
	static struct check_test check_test_##test_name = {                    \
		#test_name, test_name, NULL                                    \
	};                                                                     \
	__attribute__((constructor)) static void check_add_##test_name(void)   \
	{                                                                      \
		check_register(&check_test_##test_name);                       \
	}                                                                      \
	static void test_name(void)

#define CHECK_SITE(text_) \
	((struct check_site){ .file = __FILE__, .line = __LINE__, \
	    .text = (text_) })

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			check_failed(CHECK_SITE(#cond));                       \
	} while (0)

#define CHECK_INT(a, b) \
	check_int(CHECK_SITE(#a " == " #b), (intmax_t)(a), (intmax_t)(b))

#define CHECK_STR(a, b) check_str(CHECK_SITE(#a " is " #b), (a), (b))

#define CHECK_DIES(...)                                                        \
	do {                                                                   \
		if (check_fork()) {                                            \
			__VA_ARGS__;                                           \
			check_survived();                                      \
		}                                                              \
		check_died(CHECK_SITE(#__VA_ARGS__));                          \
	} while (0)

#define CHECK_SKIP(why) check_skip(why)

#endif
