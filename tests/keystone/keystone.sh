#!/usr/bin/env bash
# A real OpenStack Keystone on loopback, for the end-to-end tests.
#
#   keystone.sh make   DIR PROVIDER   fills DIR: configuration, keys, a database with the user admin (password: secret)
#   keystone.sh settle DIR PROVIDER   makes a copy of such a directory know its place
#   keystone.sh serve  DIR PORT       becomes Keystone, until it is killed; over TLS where there is a certificate
#   keystone.sh certify DIR           a certificate for 127.0.0.1, signed by itself, in DIR/tls.pem
#   keystone.sh keys   DIR            a new signing key; those of before still verify
#   keystone.sh rotate DIR            a new encryption key; tokens of before are still read
#
# PROVIDER is fernet (tokens that only Keystone reads) or jws (tokens signed with ES256). KEYSTONE_BIN names the
# directory with keystone-manage and gunicorn, KEYSTONE_LIFETIME how long tokens live, in seconds.
set -euo pipefail

what=$1
dir=$(realpath -m "$2")
bin=${KEYSTONE_BIN:?names the directory with keystone-manage and gunicorn}
me=$(id -un)
group=$(id -gn)
export PYTHONWARNINGS=ignore
export OS_KEYSTONE_CONFIG_FILES="$dir/keystone.conf"

manage() { "$bin/keystone-manage" --config-file "$dir/keystone.conf" "$@"; }

configure() {
    mkdir -p "$dir"/{fernet,credential,public,private}
    chmod 700 "$dir"/{fernet,credential,private}
    chmod 755 "$dir/public"
    cat >"$dir/keystone.conf" <<CONF
[DEFAULT]
log_file = keystone.log
log_dir = $dir
[database]
connection = sqlite:///$dir/keystone.db
[token]
provider = $1
expiration = ${KEYSTONE_LIFETIME:-3600}
[fernet_tokens]
key_repository = $dir/fernet
[fernet_receipts]
key_repository = $dir/fernet
[credential]
key_repository = $dir/credential
[jwt_tokens]
jws_public_key_repository = $dir/public
jws_private_key_repository = $dir/private
[identity]
password_hash_rounds = 4
# A memory of its own makes a question a hundred times as quick, and a revocation still counts at once.
[cache]
enabled = true
backend = dogpile.cache.memory
CONF
    # Keystone reads the arguments of the program when it is loaded, which are gunicorn's here.
    printf 'import sys\n\nsys.argv = ["keystone"]\nfrom keystone.wsgi.api import application\n' >"$dir/served.py"
}

signing_key() {
    local fresh
    fresh=$(mktemp -d "$dir/fresh.XXXXXX")
    (cd "$fresh" && manage create_jws_keypair --keystone-user "$me" --keystone-group "$group")
    # First everywhere to verify, then to sign. Both must be there under names that Keystone knows.
    chmod 644 "$fresh/public.pem"
    mv "$fresh/public.pem" "$dir/public/$(date +%s%N).pem"
    mv "$fresh/private.pem" "$dir/private/private.pem"
    rmdir "$fresh"
}

certificate() {
    "$bin/python" - "$dir" <<'PYTHON'
import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

place = pathlib.Path(sys.argv[1])
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private authority")])
now = datetime.datetime.now(datetime.timezone.utc)
builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
builder = builder.not_valid_after(now + datetime.timedelta(days=1))
address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
certificate = builder.sign(key, hashes.SHA256())
(place / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
(place / "tls.key").write_bytes(key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
PYTHON
}

case $what in
make)
    configure "$3"
    [ -e "$dir/keystone.db" ] || manage db_sync
    manage fernet_setup --keystone-user "$me" --keystone-group "$group"
    manage credential_setup --keystone-user "$me" --keystone-group "$group"
    if [ "$3" = jws ]; then signing_key; fi
    manage bootstrap --bootstrap-password secret --bootstrap-region-id RegionOne
    ;;
settle) configure "$3" ;;
certify) certificate ;;
keys) signing_key ;;
rotate) manage fernet_rotate --keystone-user "$me" --keystone-group "$group" ;;
serve)
    tls=()
    if [ -e "$dir/tls.pem" ]; then tls=(--certfile "$dir/tls.pem" --keyfile "$dir/tls.key"); fi
    exec "$bin/gunicorn" --no-control-socket --chdir "$dir" --bind "127.0.0.1:$3" --workers 1 --threads 4 \
        --graceful-timeout 1 "${tls[@]}" \
        --error-logfile "$dir/gunicorn.log" served:application
    ;;
*)
    echo "keystone.sh: $what is neither make, settle, serve, certify, keys nor rotate" >&2
    exit 2
    ;;
esac
