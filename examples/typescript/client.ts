// Reads one user's latest events as a client of Healthie's API does: its query, its types, and its
// form of sending the key.
//
//     URL=http://127.0.0.1:8080 API_KEY=… npm start -- 12345

import { readFileSync } from 'node:fs';
import { ClientError, GraphQLClient } from 'graphql-request';

// What the query selects. A program of some size would have these types generated, from Healthie's
// published schema or from schema.graphql: for this query, both give the same.
interface AuditLog {
  auditLog: {
    total_count: number;
    edges: ({ cursor: string; node: AuditEvent | null } | null)[] | null;
    page_info: { end_cursor: string | null; has_next_page: boolean };
  } | null;
}

interface AuditEvent {
  type: 'CREATE' | 'UPDATE' | 'DESTROY';
  resource_name: string;
  resource_id: string;
  occurred_at: string;
  acting_user: { id: string; full_name: string | null } | null;
  resource_changes:
    | { field: string; value_before_change: string | null; value_after_change: string | null }[]
    | null;
}

interface Variables {
  acting_user_id?: string;
  first: number;
  after: string | null;
}

const { URL: url = 'http://127.0.0.1:8080', API_KEY: apiKey } = process.env;
const [actingUserId] = process.argv.slice(2);
if (!apiKey) throw new Error('API_KEY is not set');
const query = readFileSync(
  new URL('../queries/healthie-audit-log.graphql', import.meta.url),
  'utf8',
);

const client = new GraphQLClient(`${url}/graphql`, {
  headers: { Authorization: `Basic ${apiKey}`, AuthorizationSource: 'API' },
});

/** The events, newest first; the next page is fetched when it is needed. */
async function* events(variables: Omit<Variables, 'after'>): AsyncGenerator<AuditEvent> {
  let after: string | null = null;
  do {
    const answer: AuditLog = await client.request<AuditLog, Variables>(query, {
      ...variables,
      after,
    });
    if (!answer.auditLog) return;
    for (const edge of answer.auditLog.edges ?? []) {
      if (edge?.node) yield edge.node;
    }
    const { end_cursor, has_next_page } = answer.auditLog.page_info;
    after = has_next_page ? end_cursor : null;
  } while (after);
}

function show(event: AuditEvent) {
  const who = event.acting_user?.full_name ?? event.acting_user?.id ?? 'nobody';
  console.log(`${event.occurred_at} ${who}: ${event.type} ${event.resource_name} ${event.resource_id}`);
  for (const change of event.resource_changes ?? []) {
    console.log(`    ${change.field}: ${change.value_before_change} -> ${change.value_after_change}`);
  }
}

try {
  let left = 25;
  const filter = actingUserId ? { acting_user_id: actingUserId } : {};
  // Pages of ten, so that even these few make the client turn some.
  for await (const event of events({ ...filter, first: 10 })) {
    show(event);
    if (--left === 0) break;
  }
} catch (error) {
  if (!(error instanceof ClientError)) throw error;
  // `code` is for programs, `message` for people.
  for (const { message, extensions } of error.response.errors ?? []) {
    console.error(`${extensions?.['code']}: ${message}`);
  }
  process.exitCode = 1;
}
