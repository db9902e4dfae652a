"""Prints all that one user did, as a table.

    URL=http://127.0.0.1:8080 API_KEY=… python client.py 12345
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

QUERY = Path(__file__).parent.parent / "queries" / "user-activity.graphql"


def connect() -> Client:
    url = os.environ.get("URL", "http://127.0.0.1:8080")
    if not (key := os.environ.get("API_KEY")):
        sys.exit("API_KEY is not set")
    transport = RequestsHTTPTransport(
        url=f"{url}/graphql",
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
        # Of lost connections and 5xx. To ask again is safe: the same cursor gives the same page.
        retries=3,
        retry_backoff_factor=1,
    )
    return Client(transport=transport)


def events(client: Client, query: str, **variables: str) -> Iterator[dict]:
    """What a query with `$after` selects; the next page is fetched when it is needed."""
    after = None
    while True:
        request = GraphQLRequest(query, variable_values={**variables, "after": after})
        page = client.execute(request)["auditLog"]
        yield from page["nodes"]
        if not page["page_info"]["has_next_page"]:
            return
        after = page["page_info"]["end_cursor"]


def show(events: Iterable[dict]) -> None:
    row = "{:<19}  {:<7}  {:<24}  {:<10}  {:<12}  {}"
    print(row.format("TIME (UTC)", "TYPE", "RECORD", "ID", "PAGE", "FROM"))
    for event in events:
        time = event["occurred_at"][:19].replace("T", " ")
        page, address = event["page"] or "-", event["ip_address"] or "-"
        record = event["resource_name"], event["resource_id"]
        print(row.format(time, event["type"], *record, page, address))


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: client.py USER_ID", file=sys.stderr)
        return 2
    try:
        show(events(connect(), QUERY.read_text(), acting_user_id=sys.argv[1]))
    except TransportQueryError as error:
        for problem in error.errors or []:
            # The code is for programs, the message for people.
            code = problem.get("extensions", {}).get("code")
            if code == "FORBIDDEN":
                print("Ask an owner to let you view the audit log:", file=sys.stderr)
            print(f"{code}: {problem['message']}", file=sys.stderr)
        return 1
    except TransportError as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
