# Rules that nginx's auto/make appends to objs/Makefile.

hd_asset=$NGX_OBJS/ngx_hd_asset.h

cat << END                                                    >> $NGX_MAKEFILE

$hd_asset:	$ngx_addon_dir/html/status.css \\
	$ngx_addon_dir/html/status.js \\
	$ngx_addon_dir/tools/asset
	sh $ngx_addon_dir/tools/asset css $ngx_addon_dir/html/status.css \\
		> $hd_asset.tmp
	sh $ngx_addon_dir/tools/asset js $ngx_addon_dir/html/status.js \\
		>> $hd_asset.tmp
	mv $hd_asset.tmp $hd_asset

END

# HD_CFLAGS: flags for this module's sources alone (the Makefile's warnings and
# sanitizers).  The form is GNU make's, so it is written only when asked for.

if [ -n "$HD_CFLAGS" ]; then

    cat << END                                                >> $NGX_MAKEFILE

$NGX_OBJS/addon/ngx_http_healthdash_module/%.o: \\
	CFLAGS += $HD_CFLAGS

END

fi
