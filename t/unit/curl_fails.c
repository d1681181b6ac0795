
/*
 * For LD_PRELOAD: curl_multi_socket_action() fails once when the file named by
 * HD_CURL_FAILS is there, which it removes.
 */


#define _GNU_SOURCE
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


typedef CURLMcode (*action_pt)(CURLM *multi, curl_socket_t fd, int bits,
    int *running);


static char  *file;


/* nginx writes its title over where the environment was */

__attribute__((constructor))
static void
begin(void)
{
    file = getenv("HD_CURL_FAILS");

    if (file) {
        file = strdup(file);
    }
}


#undef curl_multi_socket_action

CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int bits,
    int *running);


CURLMcode
curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int bits, int *running)
{
    void       *symbol;
    CURLMcode   code;
    action_pt   action;

    symbol = dlsym(RTLD_NEXT, "curl_multi_socket_action");
    action = (action_pt) symbol;

    code = action(multi, fd, bits, running);

    if (file && unlink(file) == 0) {
        return CURLM_INTERNAL_ERROR;
    }

    return code;
}
