#!/usr/bin/env bash
# curl by the plan: curl.sh PLAN CA TOKEN URL...  Each step is a process of its own, as in
# operators' scripts; a GET is sent twice, the second time on the first one's connection.
set -u
plan="$1" ca="$2" token="$3"
shift 3
tab=$'\t' format='\n%{http_code}\t%{http_version}\t%{content_type}\t%{num_connects}\n'

ask() { # METHOD URL MODE BODY
  local common=(curl -sS -q --noproxy '*' --cacert "$ca" -H "Authorization: Bearer $token"
    -w "$format")
  case "$1$3" in
  GET*) "${common[@]}" "$2" --next "${common[@]:1}" "$2" | tail -n 2 ;;
  POSTstreamed) printf '%s' "$4" | "${common[@]}" -X POST -T - \
    -H 'Content-Type: application/json' "$2" ;;
  POSTwhole) "${common[@]}" --json "$4" "$2" ;;
  *) "${common[@]}" -X "$1" "$2" ;;
  esac
}

for base in "$@"; do
  lease=''
  # the fields of a line, empty ones too
  while IFS= read -r line; do
    mapfile -t -d "$tab" step < <(printf '%s\t' "$line")
    answer=$(ask "${step[1]}" "$base${step[2]/'{lease}'/$lease}" "${step[3]}" \
      "${step[4]}" 2>&1)
    text=${answer%$'\n'*} told=${answer##*$'\n'}
    if [[ ${step[0]} == reserve* && $text =~ \"lease_id\":\ *\"([^\"]+)\" ]]; then
      lease=${BASH_REMATCH[1]}
    fi
    if [[ ${step[1]} == GET && $told != *"${tab}0" ]]; then
      text="a second connection was made: $told"
    fi
    printf '%s\t%s\t%s\t%s\n' "$base" "${step[0]}" "${told%"$tab"*}" "$text"
  done <"$plan"
done
