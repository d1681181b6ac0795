
/*
 * healthdash: the shared zone as a whole: sized, laid out, inherited.
 */


#ifndef _NGX_HD_ZONE_H_INCLUDED_
#define _NGX_HD_ZONE_H_INCLUDED_


#include <ngx_hd_store.h>


/*
 * The bytes a zone of n targets takes, slab overhead included; for the
 * directive that checks a size given by hand.
 */
size_t ngx_hd_zone_size(ngx_uint_t n);

/* The size to use when none is given: room for twice n, a power of two. */
size_t ngx_hd_zone_auto_size(ngx_uint_t n);

/* shm_zone->init: lays out a new zone or recognises the old one.  Master. */
ngx_int_t ngx_hd_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/*
 * 1 if the cycle before has a zone that init_zone would be handed although it
 * was laid out by another build: it must not be reused then.
 */
ngx_uint_t ngx_hd_zone_is_foreign(ngx_cycle_t *old_cycle,
    ngx_shm_zone_t *shm_zone);

/*
 * Gives every target of hmcf its record: the one it had in this zone, or in
 * the zone of the cycle before (copied then), or a fresh one.  Called in the
 * master once the new configuration is certain, before its workers are
 * forked.  Counts the generation up.  Cannot fail: the zone's size was checked
 * while the configuration was read.
 */
void ngx_hd_zone_attach(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_ZONE_H_INCLUDED_ */
