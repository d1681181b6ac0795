
/*
 * healthdash: numbers about this machine, from statvfs() and the files of
 * /proc and /sys.  Runs in a thread beside nginx's, see ngx_hd_measure.h.
 */


#include <ngx_hd_measure.h>
#include <ngx_hd_cond.h>

#include <sys/statvfs.h>


#define NGX_HD_MEASURE_BUF     8192    /* bytes read of a file */
#define NGX_HD_MEASURE_NAME    1024    /* bytes of a file's name */
#define NGX_HD_MEASURE_LEVELS  32      /* of cgroups within each other */


/* how a version of cgroups calls its files */

typedef struct {
    const char  *base;
    const char  *limit;
    const char  *usage;
    const char  *cache;         /* a line of memory.stat: what can be dropped */
} ngx_hd_cgroup_t;


static double ngx_hd_measure_used(uint64_t used, uint64_t available);
static u_char *ngx_hd_measure_size(u_char *p, u_char *last, double bytes);
static void ngx_hd_measure_say(ngx_hd_measure_t *m, double value,
    const char *fmt, ...);
static ngx_int_t ngx_hd_measure_read(ngx_hd_measure_t *m, const char *name,
    char *buf);
static ngx_int_t ngx_hd_measure_number(const char *buf, const char *key,
    double *n);
static void ngx_hd_measure_cgroups(ngx_hd_measure_t *m, double total);
static void ngx_hd_measure_cgroup(ngx_hd_measure_t *m,
    const ngx_hd_cgroup_t *g, char *path, double total);
static ngx_int_t ngx_hd_measure_limit(ngx_hd_measure_t *m,
    const ngx_hd_cgroup_t *g, const char *path, double *limit, double *used);
static ngx_int_t ngx_hd_measure_process(ngx_hd_measure_t *m, ngx_pid_t pid);
static void ngx_hd_measure_system(ngx_hd_measure_t *m);


void
ngx_hd_measure_disk(ngx_hd_measure_t *m)
{
    u_char          *p;
    u_char           size[32];
    double           space, inodes;
    ngx_str_t        path;
    struct statvfs   fs;

    if (statvfs(m->path, &fs) == -1) {
        m->err = ngx_errno;
        return;
    }

    path.data = (u_char *) m->path;
    path.len = ngx_strlen(m->path);
    path = ngx_hd_cond_cut(&path, NGX_HD_SEEN_LEN);

    space = ngx_hd_measure_used(fs.f_blocks - fs.f_bfree, fs.f_bavail);

    /* some file systems do not count inodes */

    inodes = fs.f_files ? ngx_hd_measure_used(fs.f_files - fs.f_ffree,
                                              fs.f_favail)
                        : 0;

    if (inodes > space) {
        ngx_hd_measure_say(m, inodes, "disk %V: %.1f%% of the inodes used "
                           "(%uL free)", &path, inodes,
                           (uint64_t) fs.f_favail);
        return;
    }

    p = ngx_hd_measure_size(size, size + sizeof(size),
                            (double) fs.f_bavail * fs.f_frsize);

    ngx_hd_measure_say(m, space, "disk %V: %.1f%% used (%*s free)", &path,
                       space, (size_t) (p - size), size);
}


/* what only root may use is neither used nor available */

static double
ngx_hd_measure_used(uint64_t used, uint64_t available)
{
    return (used + available) ? 100.0 * used / ((double) used + available) : 0;
}


static u_char *
ngx_hd_measure_size(u_char *p, u_char *last, double bytes)
{
    ngx_uint_t  i;

    static const char  *units[] = { "B", "kB", "MB", "GB", "TB", "PB" };

    for (i = 0; i < 5 && bytes >= 1000; i++) {
        bytes /= 1000;
    }

    return ngx_slprintf(p, last, i > 2 ? "%.1f %s" : "%.0f %s", bytes,
                        units[i]);
}


static void
ngx_hd_measure_say(ngx_hd_measure_t *m, double value, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(m->text, m->text + sizeof(m->text), fmt, args);
    va_end(args);

    m->len = p - m->text;
    m->value = value;
}


/* buf has NGX_HD_MEASURE_BUF bytes and becomes a string */

static ngx_int_t
ngx_hd_measure_read(ngx_hd_measure_t *m, const char *name, char *buf)
{
    int      fd;
    char     file[NGX_HD_MEASURE_NAME];
    ssize_t  n;

    *ngx_snprintf((u_char *) file, sizeof(file) - 1, "%s%s", m->root, name)
        = '\0';

    fd = open(file, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        m->err = ngx_errno;
        m->what = name;
        return NGX_ERROR;
    }

    n = read(fd, buf, NGX_HD_MEASURE_BUF - 1);

    if (n == -1) {
        m->err = ngx_errno;
        m->what = name;
    }

    (void) close(fd);

    if (n == -1) {
        return NGX_ERROR;
    }

    buf[n] = '\0';

    return NGX_OK;
}


/* the number behind key at the begin of a line; kB are made bytes */

static ngx_int_t
ngx_hd_measure_number(const char *buf, const char *key, double *n)
{
    char        *end;
    size_t       len;
    const char  *p;

    len = ngx_strlen(key);

    for (p = buf; p; p = strchr(p, '\n')) {
        p += (*p == '\n');

        if (ngx_strncmp(p, key, len) != 0) {
            continue;
        }

        *n = (double) strtoull(p + len, &end, 10);

        if (end == p + len) {
            return NGX_DECLINED;
        }

        if (ngx_strncmp(end, " kB", 3) == 0) {
            *n *= 1024;
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_hd_measure_memory(ngx_hd_measure_t *m)
{
    char     buf[NGX_HD_MEASURE_BUF];
    double   total, available, value;
    u_char  *p, size[32];

    if (ngx_hd_measure_read(m, "/proc/meminfo", buf) != NGX_OK) {
        return;
    }

    if (ngx_hd_measure_number(buf, "MemTotal:", &total) != NGX_OK
        || ngx_hd_measure_number(buf, "MemAvailable:", &available) != NGX_OK
        || total <= 0)
    {
        m->err = NGX_EINVAL;
        m->what = "/proc/meminfo";
        return;
    }

    value = 100 * (1 - ngx_min(available, total) / total);
    p = ngx_hd_measure_size(size, size + sizeof(size), available);

    ngx_hd_measure_say(m, value, "memory: %.1f%% used (%*s available)", value,
                       (size_t) (p - size), size);

    ngx_hd_measure_cgroups(m, total);
}


/* a system without them is no error */

static void
ngx_hd_measure_cgroups(ngx_hd_measure_t *m, double total)
{
    char  *line, *path, *next;
    char   buf[NGX_HD_MEASURE_BUF];

    static const ngx_hd_cgroup_t  v1 = {
        "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
        "memory.usage_in_bytes", "total_inactive_file "
    };

    static const ngx_hd_cgroup_t  v2 = {
        "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "
    };

    if (ngx_hd_measure_read(m, "/proc/self/cgroup", buf) == NGX_OK) {

        for (line = buf; line; line = next) {
            next = strchr(line, '\n');

            if (next) {
                *next++ = '\0';
            }

            path = strstr(line, ":memory:");

            if (path) {
                ngx_hd_measure_cgroup(m, &v1, path + sizeof(":memory:") - 1,
                                      total);

            } else if (ngx_strncmp(line, "0::", 3) == 0) {
                ngx_hd_measure_cgroup(m, &v2, line + 3, total);
            }
        }
    }

    m->err = 0;
    m->what = NULL;
}


/*
 * A limit may be that of a group around ours.  In a container the path may be
 * one of the machine outside: what does not exist is passed over, and the root
 * that the container sees comes last.
 */

static void
ngx_hd_measure_cgroup(ngx_hd_measure_t *m, const ngx_hd_cgroup_t *g,
    char *path, double total)
{
    char        *slash;
    double       limit, used, value;
    u_char      *p, size[32];
    ngx_uint_t   i;

    for (i = 0; i < NGX_HD_MEASURE_LEVELS; i++) {

        if (ngx_hd_measure_limit(m, g, path, &limit, &used) == NGX_OK
            && limit > 0 && limit < total)
        {
            value = 100 * ngx_min(used, limit) / limit;

            if (value > m->value) {
                p = ngx_hd_measure_size(size, size + sizeof(size),
                                        limit - ngx_min(used, limit));

                ngx_hd_measure_say(m, value, "memory: %.1f%% of the limit of "
                                   "this container used (%*s left)", value,
                                   (size_t) (p - size), size);
            }
        }

        slash = strrchr(path, '/');

        if (slash == NULL) {
            return;
        }

        *slash = '\0';
    }
}


static ngx_int_t
ngx_hd_measure_limit(ngx_hd_measure_t *m, const ngx_hd_cgroup_t *g,
    const char *path, double *limit, double *used)
{
    char         name[NGX_HD_MEASURE_NAME], buf[NGX_HD_MEASURE_BUF];
    double      *n[2], cache;
    ngx_uint_t   i;

    const char  *files[] = { g->limit, g->usage };

    n[0] = limit;
    n[1] = used;

    for (i = 0; i < 2; i++) {
        *ngx_snprintf((u_char *) name, sizeof(name) - 1, "%s%s/%s", g->base,
                      path, files[i]) = '\0';

        if (ngx_hd_measure_read(m, name, buf) != NGX_OK
            || ngx_hd_measure_number(buf, "", n[i]) != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    *ngx_snprintf((u_char *) name, sizeof(name) - 1, "%s%s/memory.stat",
                  g->base, path) = '\0';

    /* what the kernel can drop at once is no more used than free memory is */

    if (ngx_hd_measure_read(m, name, buf) == NGX_OK
        && ngx_hd_measure_number(buf, g->cache, &cache) == NGX_OK)
    {
        *used -= ngx_min(cache, *used);
    }

    return NGX_OK;
}


void
ngx_hd_measure_load(ngx_hd_measure_t *m)
{
    char    *end, buf[NGX_HD_MEASURE_BUF];
    long     cores;
    double   load;

    if (ngx_hd_measure_read(m, "/proc/loadavg", buf) != NGX_OK) {
        return;
    }

    load = strtod(buf, &end);
    cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (end == buf || cores < 1) {
        m->err = NGX_EINVAL;
        m->what = "/proc/loadavg";
        return;
    }

    ngx_hd_measure_say(m, load / cores, "load: %.2f per core (%.2f on %l "
                       "core%s)", load / cores, load, cores,
                       cores == 1 ? "" : "s");
}


void
ngx_hd_measure_files(ngx_hd_measure_t *m)
{
    ngx_uint_t  i;

    for (i = 0; i < m->npids; i++) {

        /* others may have ended, or run as another user */

        if (ngx_hd_measure_process(m, m->pids[i]) != NGX_OK && i == 0) {
            return;
        }
    }

    m->err = 0;
    m->what = NULL;

    ngx_hd_measure_system(m);
}


static ngx_int_t
ngx_hd_measure_process(ngx_hd_measure_t *m, ngx_pid_t pid)
{
    DIR            *dir;
    char            name[NGX_HD_MEASURE_NAME];
    double          value;
    uint64_t        n;
    ngx_err_t       err;
    struct rlimit   rl;
    struct dirent  *de;

    *ngx_snprintf((u_char *) name, sizeof(name) - 1, "%s/proc/%P/fd", m->root,
                  pid) = '\0';

    if (prlimit(pid, RLIMIT_NOFILE, NULL, &rl) == -1
        && getrlimit(RLIMIT_NOFILE, &rl) == -1)
    {
        m->err = ngx_errno;
        m->what = "RLIMIT_NOFILE";
        return NGX_ERROR;
    }

    dir = opendir(name);
    err = ngx_errno;

    if (dir == NULL && (err != NGX_EMFILE || m->len)) {
        m->err = err;
        m->what = "/proc/PID/fd";
        return NGX_ERROR;
    }

    /* not even one for this: they are all gone */

    n = (dir == NULL) ? (uint64_t) rl.rlim_cur : 0;

    if (dir) {
        while ((de = readdir(dir)) != NULL) {
            n += (de->d_name[0] != '.');
        }

        (void) closedir(dir);

        /* without the one that has just been open */

        n -= (n && pid == m->pids[0] && m->root[0] == '\0');
    }

    value = 100.0 * n / ngx_max(rl.rlim_cur, 1);

    if (m->len == 0 || value > m->value) {
        ngx_hd_measure_say(m, value, "files: %.1f%% of those of process %P "
                           "open (%uL of %uL)", value, pid, n,
                           (uint64_t) rl.rlim_cur);
    }

    return NGX_OK;
}


static void
ngx_hd_measure_system(ngx_hd_measure_t *m)
{
    char    *p, *end, buf[NGX_HD_MEASURE_BUF];
    double   n, max, value;

    if (ngx_hd_measure_read(m, "/proc/sys/fs/file-nr", buf) != NGX_OK) {

        /* a container may hide it */

        m->err = 0;
        m->what = NULL;
        return;
    }

    n = (double) strtoull(buf, &p, 10);
    (void) strtoull(p, &p, 10);
    max = (double) strtoull(p, &end, 10);

    value = (end == p || max < 1) ? 0 : 100 * n / max;

    if (value > m->value) {
        ngx_hd_measure_say(m, value, "files: %.1f%% of those of the system "
                           "open (%.0f of %.0f)", value, n, max);
    }
}
