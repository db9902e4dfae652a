// Runs every audit of GraphQL over HTTP against the server at the URL that is given, signed in with
// AUDITLOG_API_KEY, and prints what each says: one JSON object a line.
import { auditServer } from 'graphql-http';

const url = process.argv[2];
const authorization = `Bearer ${process.env.AUDITLOG_API_KEY}`;
const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, authorization } });

for (const { id, name, status, reason } of await auditServer({ url, fetchFn })) {
  console.log(JSON.stringify({ id, name, status, reason }));
}
