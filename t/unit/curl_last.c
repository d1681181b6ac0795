
/*
 * For LD_PRELOAD: another user of libcurl in the process, whose last call comes
 * when nginx has unloaded its modules.  A word of it in a file says that it has
 * come through.
 */


#include <curl/curl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>


__attribute__((destructor))
static void
last(void)
{
    int          fd;
    CURL        *easy;
    const char  *file;

    file = getenv("HD_LAST");

    if (file == NULL) {
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
