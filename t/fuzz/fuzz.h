
/*
 * What fuzz targets share.  They are linked with all of nginx, so that the
 * parsers, pools and formats that probes use are the real ones.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <ngx_hd_types.h>
#include <ngx_hd_wire.h>


/* stops the fuzzer with a report if what must hold does not */
#define hd_fuzz_want(what)                                                    \
    do {                                                                      \
        if (!(what)) {                                                        \
            hd_fuzz_failed(#what, __LINE__);                                  \
        }                                                                     \
    } while (0)


extern ngx_log_t  hd_fuzz_log;


int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void hd_fuzz_failed(const char *what, int line);

/* Reads a byte, so that a sanitizer sees it. */
void hd_fuzz_sink(u_char c);

/* A check of a type, ready to be sent, in one of eight shapes. */
ngx_hd_check_t *hd_fuzz_check(const char *type, ngx_uint_t shape);


#endif /* _FUZZ_H_INCLUDED_ */
