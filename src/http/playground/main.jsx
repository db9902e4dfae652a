import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import { buildClientSchema } from 'graphql';
import 'graphiql/style.css';
import './main.css';

// Lines short enough for half a window: the editor does not wrap them.
const DEFAULT_QUERY = `# The ten newest updates you may see.
#
# 1. Enter an API key or JSON Web Token above.
# 2. Run: the play button, or Ctrl-Enter
#    (Cmd-Enter on a Mac).
#
# Ctrl-Space completes what you type. The book
# at the left documents every field.

query RecentChanges {
  auditLog(
    first: 10
    event_type: UPDATE
    # resource_name: APPOINTMENT
    # occurred_after: "2026-01-01"
    # after: "the end_cursor, for the next page"
  ) {
    total_count
    page_info {
      has_next_page
      end_cursor
    }
    nodes {
      occurred_at
      type
      resource_name
      resource_id
      acting_user {
        id
        full_name
      }
      organization {
        id
        name
      }
      resource_changes {
        field
        value_before_change
        value_after_change
      }
    }
  }
}
`;

// A credential lives as long as its tab. Storage may be refused (private windows, policies):
// then it lives as long as the page.
const STORED_AS = 'auditlog:credential';
let credential = '';
try {
  credential = sessionStorage.getItem(STORED_AS) ?? '';
} catch {}

function keep(value) {
  credential = value;
  try {
    if (value) sessionStorage.setItem(STORED_AS, value);
    else sessionStorage.removeItem(STORED_AS);
  } catch {}
}

// `#key=…` is how a link hands over a credential: a fragment never reaches a server or its logs.
// It must not stay in the address bar, where it would be copied along with the address.
function takeKeyFromAddress() {
  const found = /^#key=(.*)$/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, '', location.pathname + location.search);
  try {
    keep(decodeURIComponent(found[1]));
  } catch {
    keep(found[1]); // a stray "%": taken as it is
  }
  return true;
}
takeKeyFromAddress();

const failure = (message) => ({ errors: [{ message }] });

// An answer is shown as it came, whatever its status: a refusal is a GraphQL error too.
async function fetcher(params, options) {
  try {
    const headers = new Headers({
      Accept: 'application/graphql-response+json, application/json;q=0.9',
      'Content-Type': 'application/json',
    });
    // Who pastes a whole header value means the same.
    const token = credential.trim().replace(/^Bearer\s+/i, '');
    if (token) headers.set('Authorization', `Bearer ${token}`);
    for (const [name, value] of Object.entries(options?.headers ?? {})) {
      headers.set(name, String(value));
    }
    const answer = await fetch('/graphql', {
      method: 'POST',
      headers,
      body: JSON.stringify(params),
    });
    const body = await answer.text();
    try {
      return JSON.parse(body);
    } catch {
      return failure(`The server answered ${answer.status} without JSON: ${body.slice(0, 1000)}`);
    }
  } catch (error) {
    return failure(`The request could not be sent: ${error.message}`);
  }
}

async function loadSchema() {
  const answer = await fetch('/playground/schema.json');
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return buildClientSchema((await answer.json()).data);
}

function Playground() {
  const [value, setValue] = useState(credential);
  // null keeps GraphiQL from asking /graphql, which answers nobody without a credential.
  const [schema, setSchema] = useState(null);
  const [problem, setProblem] = useState('');

  useEffect(() => {
    loadSchema().then(setSchema, (error) =>
      setProblem(`No documentation and completion: ${error.message}`),
    );
    const onHashChange = () => takeKeyFromAddress() && setValue(credential);
    addEventListener('hashchange', onHashChange);
    return () => removeEventListener('hashchange', onHashChange);
  }, []);

  const onCredential = (event) => {
    keep(event.target.value);
    setValue(event.target.value);
  };

  return (
    <>
      <header className="bar">
        <h1>auditlog playground</h1>
        <p className="problem" role="alert">
          {problem}
        </p>
        <div className="credential">
          <label htmlFor="credential">API key or JSON Web Token</label>
          <input
            id="credential"
            type="password"
            value={value}
            onChange={onCredential}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            placeholder="none"
          />
        </div>
      </header>
      <main className="editor">
        <GraphiQL
          fetcher={fetcher}
          schema={schema}
          defaultQuery={DEFAULT_QUERY}
          shouldPersistHeaders={false}
        >
          <GraphiQL.Logo>
            <span />
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

createRoot(document.getElementById('root')).render(<Playground />);
