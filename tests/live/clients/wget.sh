#!/usr/bin/env bash
# wget by the plan: wget.sh PLAN CA TOKEN URL...  It has no way to stream a body.
set -u
plan="$1" ca="$2" token="$3"
shift 3
tab=$'\t'
said=$(mktemp)
trap 'rm -f "$said"' EXIT

ask() { # METHOD URL BODY - its body on stdout, the head in $said
  local more=()
  if [ -n "$3" ]; then
    more=(--body-data="$3" --header='Content-Type: application/json')
  fi
  wget -q --no-config --no-proxy --no-hsts --tries=1 --ca-certificate="$ca" -O - \
    --content-on-error --server-response --header="Authorization: Bearer $token" \
    --method="$1" "${more[@]}" "$2" 2>"$said"
}

for base in "$@"; do
  lease=''
  while IFS= read -r line; do
    mapfile -t -d "$tab" step < <(printf '%s\t' "$line")
    text=$(ask "${step[1]}" "$base${step[2]/'{lease}'/$lease}" "${step[4]}")
    if [[ ${step[0]} == reserve* && $text =~ \"lease_id\":\ *\"([^\"]+)\" ]]; then
      lease=${BASH_REMATCH[1]}
    fi
    told=$(awk 'tolower($1) == "content-type:" {type = $2}
                $1 ~ /^HTTP/ {status = $2; version = substr($1, 6)}
                END {printf "%s\t%s\t%s", status, version, type}' "$said")
    printf '%s\t%s\t%s\t%s\n' "$base" "${step[0]}" "$told" "$text"
  done <"$plan"
done
