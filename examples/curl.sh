#!/bin/sh
# A short tour of the server by curl: record, ask, turn the page.
#
#     URL=http://127.0.0.1:8080 API_KEY=… RECORDER_KEY=… ./curl.sh
#
# API_KEY belongs to somebody who may view the audit log, RECORDER_KEY to somebody who may record.
# `auditlog demo` prints one of each. Running it again records nothing twice: every event has an id.
set -eu
: "${URL:?}" "${API_KEY:?}" "${RECORDER_KEY:?}"

# Sends a request, prints the answer, and ends the tour when it is a failure. The body of a failure
# says what is wrong, which --fail alone would hide; GraphQL answers errors with status 200.
call() {
    answer=$(curl --silent --show-error --fail-with-body "$@") || {
        printf '%s\n' "$answer"
        exit 1
    }
    printf '%s\n' "$answer"
    case $answer in *'"errors":'*) exit 1 ;; esac
}

echo '== Is it up?'
call "$URL/readyz"

echo '== Record one event. The server works out what changed.'
call "$URL/v1/audit-events" \
    --header "Authorization: Bearer $RECORDER_KEY" \
    --header 'Content-Type: application/json' \
    --data '{
        "id": "curl-1", "organization_id": "clinic-portland", "acting_user_id": "12345",
        "type": "UPDATE", "resource_name": "APPOINTMENT", "resource_id": "543",
        "occurred_at": "2026-10-02T09:30:00-07:00",
        "before": {"pm_status": "Confirmed", "length": 30},
        "after": {"pm_status": "Rescheduled", "length": 30}
    }'

# Not --data, with which curl leaves the line breaks out.
echo '== Record a batch, an event a line: all of it or nothing.'
call "$URL/v1/audit-events" \
    --header "Authorization: Bearer $RECORDER_KEY" \
    --header 'Content-Type: application/x-ndjson' \
    --data-binary @- <<'EVENTS'
{"id": "curl-2", "organization_id": "clinic-bend", "type": "CREATE", "resource_name": "TASK", "resource_id": "901", "occurred_at": "2026-10-02T10:00:00-07:00", "after": {"content": "Call back", "complete": false}}
{"id": "curl-3", "organization_id": "clinic-bend", "type": "UPDATE", "resource_name": "TASK", "resource_id": "901", "occurred_at": "2026-10-02T10:05:00-07:00", "changes": [{"field": "complete", "before": false, "after": true}]}
{"id": "curl-4", "organization_id": "clinic-bend", "type": "DESTROY", "resource_name": "TASK", "resource_id": "901", "occurred_at": "2026-10-02T10:06:00-07:00", "before": {"content": "Call back", "complete": true}}
EVENTS

echo '== Ask what happened to that task, with variables as every program should send them.'
call "$URL/graphql" \
    --header "Authorization: Bearer $API_KEY" \
    --header 'Content-Type: application/json' \
    --data '{
        "query": "query ($id: ID!) { auditLog(resource_name: TASK, resource_id: $id) { total_count nodes { occurred_at type resource_changes { field value_before_change value_after_change } } } }",
        "variables": {"id": "901"}
    }'

echo '== A page of two, and the cursor of its end. A query may also come by GET, a mutation may not.'
call "$URL/graphql" --get \
    --header "Authorization: Bearer $API_KEY" \
    --data-urlencode 'query={ auditLog(first: 2) { nodes { occurred_at type } page_info { end_cursor has_next_page } } }'

echo '== The page behind it.'
after=$(printf '%s' "$answer" | sed 's/.*"end_cursor":"\([^"]*\)".*/\1/')
call "$URL/graphql" --get \
    --header "Authorization: Bearer $API_KEY" \
    --data-urlencode 'query=query ($after: String) { auditLog(first: 2, after: $after) { nodes { occurred_at type } } }' \
    --data-urlencode "variables={\"after\": \"$after\"}"

# A JSON Web Token, where the server is set up to take them, is sent as a key is: as Bearer.
echo '== The other form of sending a key: what clients of the Healthie API send is understood as it is.'
call "$URL/graphql" --get \
    --header "Authorization: Basic $API_KEY" \
    --header 'AuthorizationSource: API' \
    --header 'Healthie-GraphQL-API-Version: 2026-01-01' \
    --data-urlencode 'query={ viewer { user { full_name } } auditLog(first: 1) { total_count } }'
