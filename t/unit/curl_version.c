
/*
 * For LD_PRELOAD: curl_version_info() says that libcurl is of the version in
 * HD_CURL_VERSION, "8.21.0".
 */


#define _GNU_SOURCE
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>


typedef curl_version_info_data *(*info_pt)(CURLversion stamp);


static char          text[32];
static unsigned int  number;


/* nginx writes its title over where the environment was */

__attribute__((constructor))
static void
begin(void)
{
    char      *version;
    unsigned   a, b, c;

    version = getenv("HD_CURL_VERSION");

    if (version && sscanf(version, "%u.%u.%u", &a, &b, &c) == 3) {
        snprintf(text, sizeof(text), "%u.%u.%u", a, b, c);
        number = a << 16 | b << 8 | c;
    }
}


curl_version_info_data *
curl_version_info(CURLversion stamp)
{
    info_pt                         next;
    curl_version_info_data         *info;
    static curl_version_info_data   other;

    next = (info_pt) dlsym(RTLD_NEXT, "curl_version_info");
    info = next(stamp);

    if (number) {
        other = *info;
        other.version = text;
        other.version_num = number;
        info = &other;
    }

    return info;
}
