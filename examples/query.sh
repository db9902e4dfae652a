#!/usr/bin/env bash
# Sends one of queries/ by curl, and shows the answer by jq:
#
#     URL=http://127.0.0.1:8080 API_KEY=… ./query.sh user-activity
#     URL=http://127.0.0.1:8080 API_KEY=… ./query.sh user-activity '{"acting_user_id": "12346"}'
#
# With no variables given it takes those of the file beside the query.
set -euo pipefail
: "${URL:?}" "${API_KEY:?}"
file=$(dirname "$0")/queries/${1:?say which of queries/}
[ -f "$file.graphql" ] || { echo "there is no $file.graphql" >&2; exit 2; }
variables=${2:-$(cat "$file.variables.json" 2>/dev/null || echo '{}')}

jq --null-input --rawfile query "$file.graphql" --argjson variables "$variables" \
    '{query: $query, variables: $variables}' |
    curl --silent --show-error --fail-with-body "$URL/graphql" \
        --header "Authorization: Bearer $API_KEY" \
        --header 'Content-Type: application/json' \
        --data-binary @- |
    jq
