
/*
 * TAP for unit tests in C.  A test calls ok(), is_str() or is_num() and
 * returns done() from main().  Names are printf formats.  Cases of a table
 * are too many to print: they use check(), which prints only failures, and
 * close a group with checked().
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static int  tap_tests;
static int  tap_failed;
static int  tap_checks;
static int  tap_bad_checks;


static inline void
tap_print(int good, const char *fmt, va_list args)
{
    tap_tests++;
    tap_failed += !good;

    printf("%sok %d - ", good ? "" : "not ", tap_tests);
    vprintf(fmt, args);
    printf("\n");
    fflush(stdout);
}


__attribute__((format(printf, 2, 3)))
static inline int
ok(int good, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_print(good, fmt, args);
    va_end(args);

    return good;
}


__attribute__((format(printf, 3, 4)))
static inline int
is_str(const char *got, const char *want, const char *fmt, ...)
{
    int      good;
    va_list  args;

    good = (strcmp(got, want) == 0);

    va_start(args, fmt);
    tap_print(good, fmt, args);
    va_end(args);

    if (!good) {
        printf("# got:  %s\n# want: %s\n", got, want);
    }

    return good;
}


__attribute__((format(printf, 3, 4)))
static inline int
is_num(long long got, long long want, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_print(got == want, fmt, args);
    va_end(args);

    if (got != want) {
        printf("# got:  %lld\n# want: %lld\n", got, want);
    }

    return got == want;
}


__attribute__((format(printf, 2, 3)))
static inline int
check(int good, const char *fmt, ...)
{
    va_list  args;

    tap_checks++;

    if (good) {
        return 1;
    }

    if (tap_bad_checks++ < 10) {
        printf("# failed: ");
        va_start(args, fmt);
        vprintf(fmt, args);
        va_end(args);
        printf("\n");
    }

    return 0;
}


/* a group without a single check is a broken test */

static inline void
checked(const char *name)
{
    ok(tap_bad_checks == 0 && tap_checks > 0, "%s (%d checks)", name,
       tap_checks);

    tap_checks = 0;
    tap_bad_checks = 0;
}


static inline int
done(void)
{
    printf("1..%d\n", tap_tests);

    return tap_failed != 0;
}


#endif /* _TAP_H_INCLUDED_ */
