#!/bin/sh
# Watches over one test process from outside it and clears up behind it, however it ends.
# Its standard input is a pipe that only the test process writes to, so the end of that input is
# the end of the process, killed or not. Lines are orders:
#   cluster DIR BIN   stop the server in DIR with BIN/pg_ctl, then remove DIR; there may be several
#   sweep PREFIX URL  drop the databases whose names begin with PREFIX from the server at URL
#   ran NAME          one more test ran on NAME
trap '' HUP INT TERM

sqlite=0 postgres=0 skipped=0 clusters='' prefix='' url=''
while read -r order first second; do
    case "$order" in
        cluster) clusters="$clusters $first=$second" ;;
        sweep) prefix=$first url=$second ;;
        ran)
            case "$first" in
                sqlite) sqlite=$((sqlite + 1)) ;;
                postgres) postgres=$((postgres + 1)) ;;
                skipped) skipped=$((skipped + 1)) ;;
            esac
            ;;
    esac
done

if [ $((sqlite + postgres + skipped)) -gt 0 ]; then
    echo "ran on sqlite: $sqlite, postgres: $postgres, skipped: $skipped" >&2
fi

if [ -n "$prefix" ] && command -v psql >/dev/null; then
    psql --no-psqlrc --quiet --tuples-only --no-align "$url" >/dev/null 2>&1 <<SQL
select format('alter database %I is_template false', datname) from pg_database
 where starts_with(datname, '$prefix') and datistemplate \gexec
select format('drop database if exists %I with (force)', datname) from pg_database
 where starts_with(datname, '$prefix') \gexec
SQL
fi

# The process may have died while initdb or the server was still starting: look again until the
# folder stays away.
for cluster in $clusters; do
    dir=${cluster%%=*} bin=${cluster#*=}
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ -e "$dir" ] || break
        "$bin/pg_ctl" stop --pgdata "$dir/data" --mode immediate --no-wait >/dev/null 2>&1
        # A drill may have left it stopped, and what is stopped does not end.
        kill -CONT "$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null)" 2>/dev/null
        rm -rf "$dir" 2>/dev/null
        sleep 0.3
    done
done
