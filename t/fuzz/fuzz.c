
/*
 * What fuzz targets share: an nginx that is just awake enough for its
 * functions to work, and checks of every type in several shapes.
 */


#include <fuzz.h>


#define HD_FUZZ_SHAPES  8


static void hd_fuzz_conds(ngx_hd_check_t *check, ngx_uint_t shape);
static void hd_fuzz_cond(ngx_hd_check_t *check, const char *line);
static void hd_fuzz_steps(ngx_hd_check_t *check);
static void hd_fuzz_step(ngx_hd_check_t *check, const char *text,
    const char *regex);


ngx_log_t  hd_fuzz_log;

static ngx_pool_t       *hd_fuzz_pool;
static ngx_cycle_t       hd_fuzz_cycle;
static ngx_hd_check_t   *hd_fuzz_checks[HD_FUZZ_SHAPES];
static volatile u_char   hd_fuzz_eaten;


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;

    ngx_pagesize = getpagesize();
    ngx_cacheline_size = 64;

    ngx_time_init();

    hd_fuzz_cycle.log = &hd_fuzz_log;
    ngx_cycle = &hd_fuzz_cycle;

    hd_fuzz_pool = ngx_create_pool(4096, &hd_fuzz_log);

    return 0;
}


void
hd_fuzz_failed(const char *what, int line)
{
    fprintf(stderr, "fuzz: line %d: \"%s\" does not hold\n", line, what);
    abort();
}


void
hd_fuzz_sink(u_char c)
{
    hd_fuzz_eaten = c;
}


ngx_hd_check_t *
hd_fuzz_check(const char *type, ngx_uint_t shape)
{
    ngx_str_t        name, host;
    const char      *wrong;
    ngx_hd_check_t  *check;

    shape %= HD_FUZZ_SHAPES;

    if (hd_fuzz_checks[shape]) {
        return hd_fuzz_checks[shape];
    }

    check = ngx_pcalloc(hd_fuzz_pool, sizeof(ngx_hd_check_t));

    name.data = (u_char *) type;
    name.len = ngx_strlen(type);

    check->type = ngx_hd_type_find(&name, 0);
    hd_fuzz_want(check->type != NULL);

    check->type_name = name;
    check->timeout = 2000;
    check->http = 11;
    check->body_limit = (shape & 1) ? 65536 : 100;
    check->keepalive = (shape & 2) ? 1 : 0;
    check->role = shape % 3;
    check->max_lag = (shape & 4) ? 10000 : 0;
    check->qtype = (shape & 1) ? 1 : 16;

    ngx_str_set(&check->uri, "/health?x=1");
    ngx_str_set(&check->qname, "www.example.com");
    ngx_str_set(&check->method, "GET");
    ngx_str_set(&host, "www.example.com");
    check->host = host;

    if (shape == 7 && ngx_strcmp(type, "http") == 0) {
        ngx_str_set(&check->method, "HEAD");
    }

    if (shape & 2) {
        ngx_str_set(&check->item, "key");
        ngx_str_set(&check->user, "someone");
        ngx_str_set(&check->password, "secret");
    }

    hd_fuzz_conds(check, shape);

    if (check->type->takes & NGX_HD_TAKES_STEPS) {
        hd_fuzz_steps(check);
    }

    if (check->type->prepare) {
        wrong = check->type->prepare(hd_fuzz_pool, check, &host);

        if (wrong) {
            fprintf(stderr, "fuzz: %s %s\n", type, wrong);
            abort();
        }
    }

    hd_fuzz_checks[shape] = check;

    return check;
}


static void
hd_fuzz_conds(ngx_hd_check_t *check, ngx_uint_t shape)
{
    ngx_uint_t  judges;

    judges = check->type->judges;

    if (shape == 0) {
        return;
    }

    check->conds = ngx_array_create(hd_fuzz_pool, 8, sizeof(ngx_hd_cond_t));

    if ((shape & 1) && (judges & NGX_HD_ON(NGX_HD_ON_BODY))) {
        hd_fuzz_cond(check, "body ~ ^a+b");
        hd_fuzz_cond(check, "header Content-Type ~* json");
    }

    if ((shape & 2) && (judges & NGX_HD_ON(NGX_HD_ON_JSON))) {
        hd_fuzz_cond(check, "json .checks[0].db = ok");
    }

    if ((shape & 1) && (judges & NGX_HD_ON(NGX_HD_ON_ROW))) {
        hd_fuzz_cond(check, "row ~ ^[a-z]+$");
    }

    if ((shape & 2) && (judges & NGX_HD_ON(NGX_HD_ON_VALUE))) {
        hd_fuzz_cond(check, "value > 1");
    }

    if (check->conds->nelts == 0) {
        check->conds = NULL;
    }
}


/* one condition; its words are separated by blanks */

static void
hd_fuzz_cond(ngx_hd_check_t *check, const char *line)
{
    u_char      *p, err[256];
    ngx_str_t   *args;
    ngx_uint_t   n;

    args = ngx_pcalloc(hd_fuzz_pool, 8 * sizeof(ngx_str_t));

    p = ngx_pcalloc(hd_fuzz_pool, ngx_strlen(line) + 1);
    ngx_memcpy(p, line, ngx_strlen(line));

    for (n = 0; n < 8 && p; n++) {
        args[n].data = p;

        p = (u_char *) ngx_strchr(p, ' ');

        if (p) {
            *p++ = '\0';
        }

        args[n].len = ngx_strlen(args[n].data);
    }

    if (ngx_hd_match_parse(hd_fuzz_pool, ngx_array_push(check->conds), args,
                           n, err, sizeof(err))
        != NGX_OK)
    {
        fprintf(stderr, "fuzz: %s: %s\n", line, err);
        abort();
    }
}


static void
hd_fuzz_steps(ngx_hd_check_t *check)
{
    check->steps = ngx_array_create(hd_fuzz_pool, 4, sizeof(ngx_hd_step_t));

    hd_fuzz_step(check, NULL, "^220 .*\\n");
    hd_fuzz_step(check, "EHLO me\r\n", NULL);
    hd_fuzz_step(check, NULL, "250 (a+)+$");
    hd_fuzz_step(check, "QUIT\r\n", NULL);
}


static void
hd_fuzz_step(ngx_hd_check_t *check, const char *text, const char *regex)
{
    u_char          err[256];
    ngx_hd_step_t  *step;

    step = ngx_array_push(check->steps);
    ngx_memzero(step, sizeof(ngx_hd_step_t));

    step->text.data = (u_char *) (text ? text : regex);
    step->text.len = ngx_strlen(step->text.data);

    if (regex) {
        step->re = ngx_hd_regex_compile(hd_fuzz_pool, &step->text, 0, err,
                                        sizeof(err));
        hd_fuzz_want(step->re != NULL);
    }
}
