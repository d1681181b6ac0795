
/*
 * Unit test of ngx_hd_state.c: the state machine as a full table, compared
 * with an oracle that keeps the whole list of verdicts and counts afresh.
 */


#include "tap.h"
#include "../../ngx_http_healthdash_module/ngx_hd_state.c"


#define P  NGX_HD_PASS
#define W  NGX_HD_WARN
#define F  NGX_HD_FAIL
#define I  NGX_HD_INCONCLUSIVE

#define UNKNOWN   NGX_HD_STATE_UNKNOWN
#define UP        NGX_HD_STATE_UP
#define DEGRADED  NGX_HD_STATE_DEGRADED
#define DOWN      NGX_HD_STATE_DOWN
#define PAUSED    NGX_HD_STATE_PAUSED


static ngx_hd_data_t   data;
static ngx_hd_rules_t  rules;
static uint64_t        now;


static void
reset(ngx_uint_t fails, ngx_uint_t passes)
{
    memset(&data, 0, sizeof(data));
    memset(&rules, 0, sizeof(rules));

    rules.fails = fails;
    rules.passes = passes;
    now = 1000;
}


static ngx_uint_t
probe(ngx_hd_verdict_e verdict, int64_t wall)
{
    ngx_hd_result_t  result;

    memset(&result, 0, sizeof(result));

    result.verdict = verdict;
    result.usec = 500;

    if (verdict != P) {
        result.reason = (verdict == W) ? NGX_HD_R_SLOW
                        : (verdict == F) ? NGX_HD_R_CONNECT_REFUSED
                        : NGX_HD_R_LOCAL_FILES;
        result.len = 1;
        result.detail[0] = "PWFI"[verdict];
    }

    return ngx_hd_state_count(&data, &rules, &result, now, wall);
}


/* feeds "PWFI" letters one second apart; returns the states' first letters */

static const char *
feed(const char *verdicts)
{
    char  *p;

    static char  states[256];

    for (p = states; *verdicts; verdicts++) {
        now += 1000;
        (void) probe((ngx_hd_verdict_e) (strchr("PWFI", *verdicts) - "PWFI"),
                     (int64_t) now);
        *p++ = ".ugdp"[data.state];
    }

    *p = '\0';

    return states;
}


/*
 * The oracle: streaks are counted back from the end of the list.  "u" up,
 * "g" degraded, "d" down, "." unknown, "p" paused.
 */

static char
oracle(const char *list, char state, ngx_uint_t fails, ngx_uint_t passes)
{
    char        c, last;
    size_t      i, n;
    ngx_uint_t  f, p, k, p_done, k_done;

    n = strlen(list);
    last = list[n - 1];

    f = p = k = p_done = k_done = 0;

    for (i = n; i > 0; i--) {
        c = list[i - 1];

        if (c == 'I') {
            continue;
        }

        if (c == 'F') {
            if (p == 0) {
                f++;
                continue;
            }

            break;
        }

        if (f) {
            break;
        }

        p += !p_done;
        k_done |= (c == 'W');
        k += !k_done;
    }

    if (state == 'p' || last == 'I') {
        return state;
    }

    if (state == '.') {
        return (last == 'P') ? 'u' : (last == 'W') ? 'g' : 'd';
    }

    if (state == 'd') {
        return (p < passes) ? 'd' : (last == 'W') ? 'g' : 'u';
    }

    if (last == 'F') {
        return (f >= fails) ? 'd' : state;
    }

    if (last == 'W') {
        return 'g';
    }

    return (state == 'u' || k >= passes) ? 'u' : 'g';
}


/* every list of up to six verdicts, from every state, all thresholds */

static void
test_table(void)
{
    char            list[8], state, want;
    uint64_t        seq, n, len, i, changed;
    ngx_uint_t      fails, passes, start, v;
    ngx_hd_data_t   before;

    for (fails = 1; fails <= 3; fails++)
    for (passes = 1; passes <= 3; passes++)
    for (start = 0; start < NGX_HD_STATES; start++)
    for (len = 6, n = 0; n < 4096; n++) {

        reset(fails, passes);
        data.state = start;
        state = ".ugdp"[start];

        for (seq = n, i = 0; i < len; i++, seq /= 4) {
            v = seq % 4;
            list[i] = "PWFI"[v];
            list[i + 1] = '\0';

            want = oracle(list, state, fails, passes);
            before = data;
            now += 1000;

            changed = probe(v, 5000000 + (int64_t) now);

            check(".ugdp"[data.state] == want,
                  "%s from %c with fails=%d passes=%d: %c, not %c", list,
                  state, (int) fails, (int) passes, ".ugdp"[data.state], want);

            check(changed == (want != state), "%s: change told", list);

            check(data.last_mono == now
                  && data.last == 5000000 + (int64_t) now
                  && data.verdict == v, "%s: last probe noted", list);

            if (changed) {
                check(data.since_mono == now && data.since == data.last
                      && data.state_reason == data.reason
                      && data.state_len == data.len
                      && (data.len == 0
                          || data.state_detail[0] == list[i]),
                      "%s: change noted", list);

            } else {
                check(data.since_mono == before.since_mono
                      && data.since == before.since
                      && data.state_reason == before.state_reason
                      && data.state_len == before.state_len,
                      "%s: no change noted", list);
            }

            check(data.checks == before.checks + (v != I)
                  && data.failures == before.failures + (v == F)
                  && data.inconclusive == before.inconclusive + (v == I),
                  "%s: counted", list);

            check(data.downs == before.downs
                                + (want == 'd' && state != 'd')
                  && data.recoveries == before.recoveries
                                        + (want != 'd' && state == 'd'),
                  "%s: downs and recoveries", list);

            state = want;
        }
    }

    checked("every state, verdict and threshold");
}


static void
test_stories(void)
{
    size_t  i;

    static const struct {
        ngx_uint_t   fails;
        ngx_uint_t   passes;
        const char  *verdicts;
        const char  *states;
        const char  *name;
    } cases[] = {
        { 3, 2, "P", "u", "the first pass decides alone" },
        { 3, 2, "F", "d", "the first failure decides alone" },
        { 3, 2, "W", "g", "the first warning decides alone" },
        { 3, 2, "IIF", "..d", "inconclusive is no first result" },
        { 2, 2, "PFPFPFPFP", "uuuuuuuuu", "interleaved failures do not add" },
        { 2, 2, "FPFPFPFPF", "ddddddddd", "interleaved passes do not add" },
        { 3, 2, "FPFPF", "ddddd", "F S F S F stays down" },
        { 3, 2, "PFFPFFPFFF", "uuuuuuuuud", "three in a row" },
        { 3, 2, "PFFIFPP", "uuuuddu", "inconclusive keeps the row" },
        { 1, 1, "PFPFP", "ududu", "thresholds of one" },
        { 3, 2, "PWPP", "uggu", "degraded at once, two clean ones end it" },
        { 3, 3, "PWPPWPPP", "uggggggu", "a warning starts the count again" },
        { 3, 2, "PWFPP", "ugggu", "a failure starts it again, too" },
        { 2, 2, "PWFF", "uggd", "degraded to down" },
        { 3, 2, "FPP", "ddu", "down to up" },
        { 3, 2, "FPW", "ddg", "down to degraded by a warning" },
        { 3, 2, "FWP", "ddu", "a warning is a pass" },
        { 3, 2, "FWW", "ddg", "two warnings" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reset(cases[i].fails, cases[i].passes);
        is_str(feed(cases[i].verdicts), cases[i].states, "%s", cases[i].name);
    }

    reset(3, 2);
    data.state = PAUSED;
    is_str(feed("FFFPPPWWW"), "ppppppppp", "paused stays paused");
}


static void
test_saturation(void)
{
    reset(3, 2);
    data.state = UP;
    data.fails = data.flaps = data.holds = UINT32_MAX;
    data.checks = data.failures = data.downs = UINT64_MAX;
    data.inconclusive = data.recoveries = UINT64_MAX;

    ok(probe(F, 1) && data.state == DOWN, "goes down with full counters");
    ok(data.fails == UINT32_MAX && data.checks == UINT64_MAX
       && data.failures == UINT64_MAX && data.downs == UINT64_MAX,
       "failures stay at the highest value");

    data.passes = data.clean = UINT32_MAX;

    ok(probe(P, 1) && data.state == UP, "comes back with full counters");
    ok(data.passes == UINT32_MAX && data.clean == UINT32_MAX
       && data.recoveries == UINT64_MAX && data.fails == 0,
       "passes stay at the highest value");

    (void) probe(I, 1);
    ok(data.inconclusive == UINT64_MAX, "so do inconclusive ones");

    rules.fails = (ngx_uint_t) UINT32_MAX + 1;
    data.fails = UINT32_MAX;
    (void) probe(F, 1);
    ok(data.state == UP, "a threshold above every counter is not reached");
}


static void
test_latency(void)
{
    ngx_hd_result_t  result;

    static const struct {
        ngx_hd_verdict_e  verdict;
        uint32_t          usec, want, max;
    } cases[] = {
        { P, 100, 100, 100 }, { P, 50, 50, 100 }, { W, 700, 700, 700 },
        { F, 9000, 700, 700 }, { I, 9000, 700, 700 },
        { P, UINT32_MAX, UINT32_MAX, UINT32_MAX }, { P, 1, 1, UINT32_MAX }
    };

    size_t  i;

    reset(1, 1);
    memset(&result, 0, sizeof(result));
    data.pid = 77;
    data.slot = 7;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        result.verdict = cases[i].verdict;
        result.usec = cases[i].usec;
        (void) ngx_hd_state_count(&data, &rules, &result, 1, 1);

        ok(data.usec == cases[i].want && data.usec_max == cases[i].max,
           "latency of passes only, result %d", (int) i);
    }

    ok(data.pid == 77 && data.slot == 7, "pid and slot are not touched");

    memset(&result, 'x', sizeof(result));
    result.verdict = F;
    result.len = UINT16_MAX;
    (void) ngx_hd_state_count(&data, &rules, &result, 1, 1);
    is_num(data.len, NGX_HD_DETAIL_LEN, "a wrong length is cut");
    is_num(data.state_len, NGX_HD_DETAIL_LEN, "in the state's detail, too");
}


static void
test_clock(void)
{
    reset(2, 1);

    now = 10000;
    (void) probe(P, 1700000000000);
    now = 20000;
    (void) probe(F, 1700000000000 - 3600000);

    ok(data.state == UP && data.since == 1700000000000
       && data.last == 1700000000000 - 3600000,
       "a step back an hour moves no state");
    ok(data.last_mono - data.since_mono == 10000, "and no duration");

    now = 30000;
    (void) probe(F, 1700000000000 + 86400000);

    ok(data.state == DOWN && data.since == 1700000000000 + 86400000
       && data.since_mono == 30000, "a step forward a day, neither");

    now = 40000;
    (void) probe(P, -5);
    ok(data.state == UP && data.since == -5 && data.since_mono == 40000,
       "a clock before 1970 is kept as it is");

    reset(1, 1);
    rules.flap_changes = 1;
    rules.flap_time = 60000;
    now = UINT64_MAX / 2;
    is_str(feed("PF"), "ud", "a window begins");
    now = 1000;
    is_str(feed("P"), "u", "a monotonic clock of another boot ends it");
    is_num(data.flaps, 1, "and counts afresh");
}


static void
hold_ends_after(uint64_t msec, const char *name)
{
    uint64_t  down;

    down = data.since_mono;

    now = down + 1000;
    (void) probe(P, 1);
    check(data.state == DOWN, "%s: held from the start", name);
    check(!ngx_hd_state_is_moving(&data), "%s: no haste while held", name);

    now = down + msec - 1;
    (void) probe(P, 1);
    check(data.state == DOWN, "%s: held to the end", name);

    now = down + msec;
    (void) probe(P, 1);
    check(data.state == UP, "%s: back at the end", name);
}


static void
test_frozen(void)
{
    ngx_uint_t  i;

    reset(2, 2);
    rules.frozen = 1;

    is_num(probe(F, 0), 0, "frozen: a first failure decides nothing");
    is_num(data.state, UNKNOWN, "it stays unknown");

    probe(P, 0);
    is_num(data.state, UP, "a pass does");

    for (i = 0; i < 9; i++) {
        is_num(probe(F, 0), 0, "no failure takes it down");
    }

    is_num(data.fails, 9, "they are counted");
    is_num(data.downs, 0, "it never went down");
    is_num(ngx_hd_state_is_moving(&data), 1, "it is looked at often");

    rules.frozen = 0;
    is_num(probe(F, 0), 1, "the next one after that does");
    is_num(data.state, DOWN, "down");

    rules.frozen = 1;
    probe(P, 0);
    is_num(probe(P, 0), 1, "what passes comes back");
    is_num(probe(W, 0), 1, "and gets its colour");
    is_num(data.state, DEGRADED, "degraded");
}


static void
test_flap(void)
{
    ngx_uint_t  i;
    char        name[32];

    reset(1, 1);
    rules.flap_changes = 2;
    rules.flap_time = 60000;

    is_str(feed("PFPF"), "udud", "third change within the window");
    hold_ends_after(60000, "first");

    /* up again: counts as one change, the next hold takes three more */

    for (i = 1; i < 8; i++) {
        sprintf(name, "hold %d", (int) i + 1);
        now = data.since_mono;
        check(strcmp(feed("FPF"), "dud") == 0, "%s begins", name);
        hold_ends_after(60000ULL << (i < 4 ? i : 4), name);
    }

    checked("holds double up to 16 times");

    now = data.since_mono + 60000;
    is_str(feed("FPF"), "dud", "a calm window, then flapping again");
    hold_ends_after(60000, "after a calm window");
    checked("starts with the first hold again");

    now = data.since_mono;
    is_str(feed("F"), "d", "down");
    now = data.since_mono + 60000;
    is_str(feed("PFP"), "udu", "changes in two windows do not add");

    reset(1, 1);
    rules.flap_changes = 2;
    rules.flap_time = 60000;
    is_str(feed("PWPWPWPFP"), "ugugugudu",
           "between up and degraded is no flapping");

    reset(1, 1);
    rules.flap_time = 60000;
    is_str(feed("PFPFPFPFPF"), "ududududud", "flap=off never holds");

    reset(1, 1);
    rules.flap_changes = 1;
    rules.flap_time = 60000;
    is_str(feed("PFPFP"), "ududd", "held");
    rules.flap_changes = 0;
    is_str(feed("PFP"), "udu", "flap=off by a reload ends it");
    is_num(data.hold_until, 0, "for good");

    reset(1, 1);
    rules.flap_changes = 1;
    rules.flap_time = 60000;
    data.state = DOWN;
    data.hold_until = now + 365 * 86400000ULL;
    is_str(feed("P"), "u", "a hold beyond all bounds is none");

    reset(1, 3);
    rules.flap_changes = 1;
    rules.flap_time = 60000;
    is_str(feed("PFPPPFPPP"), "udddudddd", "held with passes=3");
    now = data.hold_until;
    is_str(feed("P"), "u", "passes count while it is held");
}


static void
test_moving(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *verdicts;
        ngx_uint_t   moving;
    } cases[] = {
        { "", 1 }, { "I", 1 }, { "P", 0 }, { "PF", 1 }, { "PFI", 1 },
        { "PFP", 0 }, { "W", 0 }, { "WP", 1 }, { "WPP", 0 }, { "WF", 1 },
        { "F", 0 }, { "FF", 0 }, { "FP", 1 }, { "FPF", 0 }, { "FPP", 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reset(3, 2);
        (void) feed(cases[i].verdicts);
        is_num(ngx_hd_state_is_moving(&data), cases[i].moving,
               "moving after \"%s\"", cases[i].verdicts);
    }

    reset(3, 2);
    data.state = PAUSED;
    (void) feed("F");
    is_num(ngx_hd_state_is_moving(&data), 0, "paused does not move");
}


static void
test_sums(void)
{
    ngx_uint_t  a, b, i;

    static const u_char  worse[5][5] = {
        { UNKNOWN, UNKNOWN, DEGRADED, DOWN, UNKNOWN },
        { UNKNOWN, UP, DEGRADED, DOWN, UP },
        { DEGRADED, DEGRADED, DEGRADED, DOWN, DEGRADED },
        { DOWN, DOWN, DOWN, DOWN, DOWN },
        { UNKNOWN, UP, DEGRADED, DOWN, PAUSED }
    };

    static const struct {
        ngx_uint_t  value, percent, n, want;
    } min_up[] = {
        { 0, 0, 5, 0 }, { 1, 0, 5, 1 }, { 5, 0, 5, 5 }, { 6, 0, 5, 5 },
        { 1, 0, 0, 0 }, { 0, 1, 5, 0 }, { 50, 1, 4, 2 }, { 50, 1, 5, 3 },
        { 51, 1, 4, 3 }, { 1, 1, 1, 1 }, { 1, 1, 100, 1 }, { 1, 1, 101, 2 },
        { 100, 1, 7, 7 }, { 200, 1, 7, 7 }, { 33, 1, 3, 1 }, { 34, 1, 3, 2 },
        { 50, 1, 0, 0 }, { 50, 1, 1000000000, 500000000 },
        { 100, 1, (ngx_uint_t) -1, (ngx_uint_t) -1 }
    };

    for (a = 0; a < NGX_HD_STATES; a++) {
        for (b = 0; b < NGX_HD_STATES; b++) {
            check(ngx_hd_state_worse(a, b) == worse[a][b],
                  "worse of %d and %d", (int) a, (int) b);
        }
    }

    check(ngx_hd_state_worse(99, UP) == UNKNOWN, "a state from nowhere");
    checked("the worse of two");

    for (i = 0; i < sizeof(min_up) / sizeof(min_up[0]); i++) {
        is_num((long long) ngx_hd_state_min_up(min_up[i].value,
                                               min_up[i].percent,
                                               min_up[i].n),
               (long long) min_up[i].want, "min_up %d%s of %lld",
               (int) min_up[i].value, min_up[i].percent ? "%" : "",
               (long long) min_up[i].n);
    }

    for (a = 0; a <= NGX_HD_STATES; a++) {
        for (i = 0; i < 3; i++) {
            b = (a == DOWN) || (a == UNKNOWN && i != NGX_HD_INITIAL_UP);
            check(ngx_hd_state_is_out(a, (ngx_hd_initial_e) i) == b,
                  "state %d, initial %d", (int) a, (int) i);
        }
    }

    checked("who is out of service");
}


/* what is kept of an answer: of the last probe, and of the last failure */

static void
test_answer(void)
{
    ngx_hd_result_t  result;

    reset(2, 2);
    memset(&result, 0, sizeof(result));

    result.verdict = F;
    result.reason = NGX_HD_R_STATUS;
    result.usec = 700;
    result.phase[NGX_HD_PHASE_CONNECT] = 300;
    result.len = 3;
    memcpy(result.detail, "bad", 3);
    result.sample.line_len = 4;
    memcpy(result.sample.line, "line", 4);
    result.sample.len = 4;
    memcpy(result.sample.text, "body", 4);
    result.cert.version = 0x0304;
    result.cert.not_after = 5;
    result.has_value = 1;
    result.value = 7.5;

    (void) ngx_hd_state_count(&data, &rules, &result, now, 1234);

    is_num(data.failed.time, 1234, "a failure is kept");
    is_num(data.cert.not_after, 5, "and its certificate");
    ok(data.has_value && data.value == 7.5, "and its value");

    memset(&result, 0, sizeof(result));
    result.verdict = P;
    result.usec = 400;
    result.phase[NGX_HD_PHASE_CONNECT] = 200;

    (void) ngx_hd_state_count(&data, &rules, &result, now, 1300);

    is_num(data.failed.time, 1234, "a pass leaves the last failure");
    is_num(data.failed.reason, NGX_HD_R_STATUS, "its reason");
    is_num(data.failed.usec, 700, "its time");
    is_num(data.failed.phase[NGX_HD_PHASE_CONNECT], 300, "its phases");
    ok(memcmp(data.failed.detail, "bad", 3) == 0
       && memcmp(data.failed.sample.text, "body", 4) == 0
       && memcmp(data.failed.sample.line, "line", 4) == 0, "its answer");
    is_num(data.phase[NGX_HD_PHASE_CONNECT], 200, "phases are of the last");
    is_num(data.usec_last, 400, "and their sum");
    is_num(data.has_value, 0, "a value is of the last probe only");
    is_num(data.cert.not_after, 5, "a kept connection keeps its certificate");

    result.verdict = I;
    result.reason = NGX_HD_R_LOCAL_FILES;
    (void) ngx_hd_state_count(&data, &rules, &result, now, 1400);
    is_num(data.failed.time, 1234, "inconclusive is no failure");

    result.verdict = F;
    result.reason = NGX_HD_R_CONNECT_REFUSED;
    (void) ngx_hd_state_count(&data, &rules, &result, now, 1500);

    is_num(data.failed.time, 1500, "the next failure replaces it");
    is_num(data.failed.sample.len, 0, "with its answer");
    is_num(data.cert.not_after, 0, "and nothing is known of TLS");
}


int
main(void)
{
    test_answer();
    test_table();
    test_stories();
    test_saturation();
    test_latency();
    test_clock();
    test_frozen();
    test_flap();
    test_moving();
    test_sums();

    return done();
}
