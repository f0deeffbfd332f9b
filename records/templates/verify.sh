#!/bin/sh
# Verifies this evidence pack with nothing but sha256sum and ssh-keygen.
#
#   sh verify.sh [ALLOWED_SIGNERS]
#
# ALLOWED_SIGNERS is your own list of whose signatures count (ssh-keygen(1), "ALLOWED SIGNERS"). Without one, the list of
# the pack itself is taken, and that proves only that the pack fits together, not who signed it. If you do not trust this
# script, which came with the pack, type the two commands of README.txt yourself.
set -eu
LC_ALL=C
export LC_ALL
unset CDPATH

fail() {
    printf 'FAILED: %s\n' "$1" >&2
    exit 1
}

if [ $# -gt 0 ]; then
    [ -r "$1" ] || fail "cannot read $1"
    signers=$(cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
    outside=yes
else
    signers=allowed_signers
    outside=no
fi
cd -- "$(dirname -- "$0")"

# Every file that belongs to the pack is there, once in the manifest, and nothing else is there.
names='README.txt allowed_signers drills.csv evidence.jsonl exceptions.csv report.html report.json services.csv verify.sh'
for name in $names MANIFEST.sha256 MANIFEST.sha256.sig; do
    if [ ! -f "$name" ] || [ -L "$name" ]; then fail "$name is missing"; fi
done
for name in $names; do
    [ "$(grep -c "^[0-9a-f]\{64\}  $name\$" MANIFEST.sha256)" -eq 1 ] || fail "$name is not in the manifest"
done
[ "$(grep -c '' MANIFEST.sha256)" -eq 9 ] || fail 'the manifest lists other files than those of a pack'
for path in ./* ./.[!.]* ./..?*; do
    if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
    case " $names MANIFEST.sha256 MANIFEST.sha256.sig " in
        *" ${path#./} "*) ;;
        *) fail "${path#./} does not belong to the pack" ;;
    esac
done

sha256sum --check --strict --quiet MANIFEST.sha256 || fail 'a file is not what the manifest says'
echo ' ok  9 files match MANIFEST.sha256'

signer=$(ssh-keygen -Y find-principals -s MANIFEST.sha256.sig -f "$signers" 2>/dev/null | sed -n 1p) || signer=
[ -n "$signer" ] || fail 'the signature is not by an allowed signer'
ssh-keygen -Y verify -f "$signers" -I "$signer" -n 'lifeboat-evidence@1' -s MANIFEST.sha256.sig < MANIFEST.sha256 > /dev/null \
    || fail 'the signature does not fit the manifest'
echo " ok  the manifest is signed by $signer"

if [ "$outside" = yes ]; then
    echo "verified: nothing was changed after $signer signed"
else
    echo 'consistent: the pack fits together; name your own list of allowed signers to know who signed it'
fi
