#!/bin/sh
# Makes the secrets of compose.yaml in the folder secrets beside it, once: what is there is kept. Run it as root, because
# each file belongs to the one user of the containers that reads it. Further names are tokens of further courses.
set -eu
umask 077
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "Run this as root: sudo sh $0" >&2; exit 1; }
ASSAY=1000 # the user in the images

word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # keep NAME OWNER: standard input, unless there is one
    if [ -e "secrets/$1" ]; then cat >/dev/null; return; fi
    cat >"secrets/$1.new" && chown "$2" "secrets/$1.new" && mv "secrets/$1.new" "secrets/$1"
}

mkdir -p secrets tls
chown $ASSAY tls # for certificates, which the Hub looks for in there
word | keep postgres_password 0
echo "postgres:5432:assay:assay:$(cat secrets/postgres_password)" | keep pgpass $ASSAY
printf 'AWS_ACCESS_KEY_ID=assay\nAWS_SECRET_ACCESS_KEY=%s\n' "$(word)" | keep object_store $ASSAY
secret="$(sed -n 's/^AWS_SECRET_ACCESS_KEY=//p' secrets/object_store)"
cat <<END | keep object_store_keys.json 0
{"identities": [{"name": "assay", "actions": ["Admin", "Read", "Write", "List"],
  "credentials": [{"accessKey": "assay", "secretKey": "$secret"}]}]}
END
for name in course_token "$@"; do word | keep "$name" $ASSAY; done
