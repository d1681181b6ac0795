
/*
 * What may be asked to fail, and how: the file that HD_FAULT names, which all
 * processes of an nginx map.  t/lib/HealthDash/Fault.pm writes it and knows
 * where the words are.
 */


#ifndef _FAULT_H_INCLUDED_
#define _FAULT_H_INCLUDED_


#define _GNU_SOURCE
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#define HD_FAULT_SITES   8192

#define HD_FAULT_OFF     0
#define HD_FAULT_NTH     1           /* the call number "left" from now */
#define HD_FAULT_NEW     2           /* the next from a place that has failed
                                        less than "each" times */
#define HD_FAULT_STEP    3           /* the signal "each" at the instruction
                                        number "left" of a call of the function
                                        "name", outside of nginx's lock */
#define HD_FAULT_HELD    4           /* the same inside of it */

#define HD_FAULT_OURS    1           /* calls of the module */
#define HD_FAULT_CURL    2           /* memory that libcurl asks for */
#define HD_FAULT_JSON    4           /* the same of jansson */


typedef struct {
    uint64_t            key;         /* of the place, 0: none */
    uint32_t            failed;
    uint32_t            class;
    char                name[48];
} hd_fault_site_t;


/* Fault.pm knows where the words are */

typedef struct {
    int64_t             mode;
    int64_t             left;
    int64_t             each;
    int64_t             classes;
    int64_t             fired;       /* faults so far */
    int64_t             steps;       /* instructions the last call took */
    int64_t             locked;      /* of these, under nginx's lock */
    int64_t             survived;    /* calls that were stepped to their end */
    char                last[128];   /* the fault: name, place */
    char                name[64];    /* of the function to be stepped */
    hd_fault_site_t     site[HD_FAULT_SITES];
} hd_fault_t;


extern hd_fault_t  *hd_fault;


#endif /* _FAULT_H_INCLUDED_ */
