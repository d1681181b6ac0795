
/*
 * For LD_PRELOAD: another user of libcurl in the process, whose last call comes
 * when a worker has unloaded its modules.  A letter in the file that HD_LAST
 * names says that it has come through.
 */


#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static char   file[256];
static pid_t  master;


/* nginx's environment is gone when it ends */

__attribute__((constructor))
static void
first(void)
{
    const char  *name;

    name = getenv("HD_LAST");

    snprintf(file, sizeof(file), "%s", name ? name : "");
    master = getpid();
}


__attribute__((destructor))
static void
last(void)
{
    int    fd;
    CURL  *easy;

    if (file[0] == '\0' || getpid() == master) {
        return;
    }

    easy = curl_easy_init();
    curl_easy_cleanup(easy);

    fd = open(file, O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0666);

    if (fd != -1) {
        (void) !write(fd, easy ? "x" : "-", 1);
        close(fd);
    }
}
