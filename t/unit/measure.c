
/*
 * Unit test of ngx_hd_measure.c: a folder stands for the root of a machine.
 */


#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_measure.c"
#include "tap.h"

#include <ftw.h>


static char              root[256];
static ngx_hd_measure_t  m;


static void
put(const char *name, const char *text)
{
    char   file[512], *p;
    FILE  *fp;

    snprintf(file, sizeof(file), "%s%s", root, name);

    for (p = file + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        (void) mkdir(file, 0700);
        *p = '/';
    }

    fp = fopen(file, "w");

    if (fp) {
        fputs(text, fp);
        fclose(fp);
    }
}


static int
drop(const char *file, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove(file);
}


static void
clean(void)
{
    (void) nftw(root, drop, 16, FTW_DEPTH|FTW_PHYS);
    (void) mkdir(root, 0700);
}


static const char *
said(void (*measure)(ngx_hd_measure_t *m))
{
    static char  buf[512];

    memset(&m, 0, sizeof(m));
    m.root = root;

    measure(&m);

    if (m.err) {
        snprintf(buf, sizeof(buf), "error: %s", m.what);

    } else {
        snprintf(buf, sizeof(buf), "%.1f %.*s", m.value, (int) m.len, m.text);
    }

    return buf;
}


/* 10000000 kB, a quarter available */

#define MEMINFO  "MemTotal:       10000000 kB\nMemFree:          100000 kB\n"  \
                 "MemAvailable:    2500000 kB\nCached:    9 kB\n"

#define MACHINE  "75.0 memory: 75.0% used (2.6 GB available)"


static void
test_memory(void)
{
    clean();
    is_str(said(ngx_hd_measure_memory), "error: /proc/meminfo", "no file");

    put("/proc/meminfo", "");
    is_str(said(ngx_hd_measure_memory), "error: /proc/meminfo", "an empty one");

    put("/proc/meminfo", "MemTotal: x kB\nMemAvailable: 1 kB\n");
    is_str(said(ngx_hd_measure_memory), "error: /proc/meminfo", "no number");

    put("/proc/meminfo", "MemTotal: 0 kB\nMemAvailable: 0 kB\n");
    is_str(said(ngx_hd_measure_memory), "error: /proc/meminfo", "no memory");

    put("/proc/meminfo", "MemTotal: 4 kB\nMemAvailable: 8 kB\n");
    is_str(said(ngx_hd_measure_memory),
           "0.0 memory: 0.0% used (8 kB available)",
           "more available than there is");

    put("/proc/meminfo", MEMINFO);
    is_str(said(ngx_hd_measure_memory), MACHINE, "a machine without cgroups");
}


static void
test_cgroup2(void)
{
    clean();
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "0::/a.slice/b\n");
    is_str(said(ngx_hd_measure_memory), MACHINE, "a group without files");

    put("/sys/fs/cgroup/a.slice/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a.slice/b/memory.current", "1000\n");
    is_str(said(ngx_hd_measure_memory), MACHINE, "one without a limit");

    put("/sys/fs/cgroup/a.slice/memory.max", "1000000000\n");
    put("/sys/fs/cgroup/a.slice/memory.current", "990000000\n");
    is_str(said(ngx_hd_measure_memory),
           "99.0 memory: 99.0% of the limit of this container used "
           "(10 MB left)",
           "the limit of a group around it");

    put("/sys/fs/cgroup/a.slice/memory.stat",
        "anon 5\ninactive_file 190000000\nactive_file 1\n");
    is_str(said(ngx_hd_measure_memory),
           "80.0 memory: 80.0% of the limit of this container used "
           "(200 MB left)", "what can be dropped is not used");

    put("/sys/fs/cgroup/a.slice/memory.stat", "inactive_file 999000000000\n");
    is_str(said(ngx_hd_measure_memory), MACHINE, "never less than nothing");

    put("/sys/fs/cgroup/a.slice/memory.stat", "");
    put("/sys/fs/cgroup/a.slice/memory.max", "0\n");
    is_str(said(ngx_hd_measure_memory), MACHINE, "a limit of nothing");

    put("/sys/fs/cgroup/a.slice/memory.max", "99999999999999\n");
    is_str(said(ngx_hd_measure_memory), MACHINE, "one above all there is");
}


static void
test_cgroup1(void)
{
    clean();
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "12:cpu:/x\n4:memory:/docker/0123\n1:name=y:/\n"
                             "0::/docker/0123");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "2000000\n");
    is_str(said(ngx_hd_measure_memory),
           "100.0 memory: 100.0% of the limit of this container used "
           "(0 B left)",
           "the root a container sees, the path of the machine outside");

    put("/sys/fs/cgroup/memory/memory.stat",
        "inactive_file 1\ntotal_inactive_file 1100000\n");
    is_str(said(ngx_hd_measure_memory),
           "90.0 memory: 90.0% of the limit of this container used "
           "(100 kB left)", "with its cache");
}


static void
test_load(void)
{
    clean();
    is_str(said(ngx_hd_measure_load), "error: /proc/loadavg", "no file");

    put("/proc/loadavg", "much\n");
    is_str(said(ngx_hd_measure_load), "error: /proc/loadavg", "no number");

    put("/proc/loadavg", "0.00 0.01 0.05 1/100 1234\n");
    said(ngx_hd_measure_load);
    ok(m.err == 0 && m.value == 0, "no load");

    put("/proc/loadavg", "1000.50 0.01 0.05 1/100 1234\n");
    said(ngx_hd_measure_load);
    ok(m.err == 0 && m.value * sysconf(_SC_NPROCESSORS_ONLN) == 1000.5,
       "load per processor");
}


static const char *
files(ngx_pid_t *pids, ngx_uint_t n)
{
    static char  buf[512];

    memset(&m, 0, sizeof(m));
    m.root = root;
    m.pids = pids;
    m.npids = n;

    ngx_hd_measure_files(&m);

    if (m.err) {
        snprintf(buf, sizeof(buf), "error: %s", m.what);

    } else {
        snprintf(buf, sizeof(buf), "%.*s", (int) m.len, m.text);
    }

    return buf;
}


static void
test_files(void)
{
    ngx_pid_t      pids[] = { 0x7ffffff0, 0x7ffffff1, 0x7ffffff2 };
    struct rlimit  rl = { 100, 100 };

    clean();
    (void) setrlimit(RLIMIT_NOFILE, &rl);

    is_str(files(pids, 3), "error: /proc/PID/fd", "not even our own");

    put("/proc/2147483632/fd/0", "");
    put("/proc/2147483632/fd/1", "");
    is_str(files(pids, 3), "files: 2.0% of those of process 2147483632 open "
           "(2 of 100)", "others that are gone");

    put("/proc/2147483634/fd/0", "");
    put("/proc/2147483634/fd/1", "");
    put("/proc/2147483634/fd/2", "");
    is_str(files(pids, 3), "files: 3.0% of those of process 2147483634 open "
           "(3 of 100)", "the fullest");

    put("/proc/sys/fs/file-nr", "20\t0\t9223372036854775807\n");
    is_str(files(pids, 1), "files: 2.0% of those of process 2147483632 open "
           "(2 of 100)", "a system without a limit");

    put("/proc/sys/fs/file-nr", "20\t0\t80\n");
    is_str(files(pids, 3), "files: 25.0% of those of the system open "
           "(20 of 80)", "a system that is fuller");

    put("/proc/sys/fs/file-nr", "20 x");
    is_str(files(pids, 1), "files: 2.0% of those of process 2147483632 open "
           "(2 of 100)", "a file that is something else");
}


static void
test_disk(void)
{
    char  path[512];

    memset(&m, 0, sizeof(m));
    snprintf(path, sizeof(path), "%s/none", root);
    m.path = path;
    ngx_hd_measure_disk(&m);
    is_num(m.err, ENOENT, "no such path");

    memset(&m, 0, sizeof(m));
    m.path = root;
    ngx_hd_measure_disk(&m);
    ok(m.err == 0 && m.value >= 0 && m.value <= 100, "a folder");

    ok(ngx_hd_measure_used(0, 0) == 0, "a file system of nothing");
    ok(ngx_hd_measure_used(5, 0) == 100, "one that is full");
    ok(ngx_hd_measure_used(50, 50) == 50, "one that is half full");
}


int
main(void)
{
    snprintf(root, sizeof(root), "/tmp/hd-measure-%d", (int) getpid());

    test_memory();
    test_cgroup2();
    test_cgroup1();
    test_load();
    test_disk();
    test_files();

    clean();
    (void) rmdir(root);

    return done();
}
