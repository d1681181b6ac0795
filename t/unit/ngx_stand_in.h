
/*
 * What unit tests ask of the stand-ins for nginx's functions, beside what
 * nginx's own headers declare.
 */


#ifndef _NGX_STAND_IN_H_INCLUDED_
#define _NGX_STAND_IN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the allocation that fails, counted from 1 and down; 0: none */
extern long  stand_in_fail;


#endif /* _NGX_STAND_IN_H_INCLUDED_ */
