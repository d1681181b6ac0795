
#ifndef _NGX_HD_TYPES_H_INCLUDED_
#define _NGX_HD_TYPES_H_INCLUDED_


#include <ngx_hd_probe.h>


/*
 * The probe type called name that speaks version of HTTP (11, 20 or 30; 0: the
 * first, or the type knows none), or NULL.
 */
const ngx_hd_probe_type_t *ngx_hd_type_find(ngx_str_t *name,
    ngx_uint_t version);

/* Writes the known names, "http, https, tcp", to buf for messages. */
u_char *ngx_hd_type_names(u_char *buf, u_char *last);


#endif /* _NGX_HD_TYPES_H_INCLUDED_ */
