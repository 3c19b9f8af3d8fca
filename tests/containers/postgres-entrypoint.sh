set -eu
own() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
chown postgres /run/postgresql "$(dirname "$PGDATA")"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    own mkdir -p "$PGDATA"
    install -o postgres -m 600 "$POSTGRES_PASSWORD_FILE" /tmp/password
    own initdb --encoding=UTF8 --locale=C --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust >/dev/null
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "create database $POSTGRES_DB" | own postgres --single postgres >/dev/null
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -c listen_addresses='*'
