#!/bin/sh
# Reads the plugin as the daemon does, from fixtures, and compares what arrives. GATHERD names the daemon's program.
set -u
cd -- "$(dirname -- "$0")" || exit 1
failures=0

# told [OPTION=VALUE …]: what two reads with these options say.
told() {
    for option in "$@"; do
        set -- "$@" --set "$option"
        shift
    done
    "${GATHERD:-gatherd}" --set plugins.skeleton.trusted=true --set hostname=testhost \
        test skeleton --plugin-dir "$PWD/build" --interval 0.05 --once "$@" 2>&1
}

# expect WHAT TEXT SAID: TEXT is part of SAID.
expect() {
    case $3 in
    *"$2"*) printf 'ok      %s\n' "$1" ;;
    *)
        printf 'FAILED  %s: expected %s in:\n%s\n' "$1" "$2" "$3"
        failures=$((failures + 1))
        ;;
    esac
}

value='testhost/skeleton_plugin/files-used  value=1088'
expect 'the open files are told at each read' "$value

$value" "$(told "file=$PWD/fixtures/file-nr")"
expect 'a file that was cut off is a failure that names it' 'file-nr-cut does not hold three numbers' \
    "$(told "file=$PWD/fixtures/file-nr-cut")"
expect 'a file that is not there is a failure that names it' 'cannot open /no/file-nr' "$(told file=/no/file-nr)"
expect 'a path that is not absolute is refused with its place' '/file: an absolute path is wanted' \
    "$(told file=file-nr)"
expect 'this machine has open files' 'testhost/skeleton_plugin/files-used  value=' "$(told)"
exit "$((failures > 0))"
