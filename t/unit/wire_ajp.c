
/*
 * Unit test of ngx_hd_wire_ajp.c: CPong in pieces and cut at each byte, and
 * what is none.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_wire.c"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_ajp.c"
#include "wire.h"


static ngx_hd_check_t  check_ajp;
static const char      cpong[] = "AB\0\x01\x09";


static void
says(const char *answer, const char *want)
{
    talk(ngx_hd_wire_ajp, &check_ajp, answer, strlen(answer), 4096);
    is_str(detail(), want, "%s", want);
}


int
main(void)
{
    pool = ngx_create_pool(0, NULL);

    good_answer("cpong", ngx_hd_wire_ajp, &check_ajp, cpong, 5);
    spoilt_answer("cpong", ngx_hd_wire_ajp, &check_ajp, cpong, 5);
    checked("good answers, and spoilt ones");

    ok(talk(ngx_hd_wire_ajp, &check_ajp, "AB\0\x01\x09more", 9, 9) == NGX_OK,
       "what follows is not read");

    says("HTTP/1.1 400 Bad Request\r\n\r\n", "invalid response: the server "
         "speaks HTTP, got \"HTTP/1.1 400 Bad Request\"");
    says("\x15\x03\x03", "invalid response: the server speaks TLS");
    says("ABC", "invalid response: not an AJP answer, got \"ABC\"");

    ngx_destroy_pool(pool);

    return done();
}
