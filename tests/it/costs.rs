//! How many statements a request costs. They are counted on their way to PostgreSQL, by a proxy that
//! reads the frontend's messages; SQLite is inside the process and lets nobody listen, but the store
//! that sends them is the same one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::world::{May, VIEW, World, event_with};
use crate::support::{On, TestDatabase};

/// Counts the statements that are executed over its connections.
struct Counter {
    port: u16,
    executed: Arc<AtomicUsize>,
}

impl Counter {
    /// Stands between a client and the server at `address`.
    fn before(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let executed = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&executed);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, mut server) =
                    (client.unwrap(), TcpStream::connect(&address).unwrap());
                // Many small messages, none of which may wait for another.
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (mut back, mut from) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                let counted = Arc::clone(&counted);
                thread::spawn(move || {
                    // Either side may hang up at any time.
                    let _ = forward(&mut client, &mut server, &counted);
                    let _ = server.shutdown(Shutdown::Both);
                });
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut back);
                    let _ = back.shutdown(Shutdown::Both);
                });
            }
        });
        Self { port, executed }
    }

    fn count(&self) -> usize {
        self.executed.load(Ordering::SeqCst)
    }

    /// Waits until nothing goes by any more: what a request leaves to be done is not its cost.
    async fn quiet(&self) -> usize {
        loop {
            let before = self.count();
            tokio::time::sleep(Duration::from_millis(30)).await;
            if self.count() == before {
                return before;
            }
        }
    }
}

/// Passes messages on, counting Execute: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
/// A simple Query is not counted: the pool pings with one.
fn forward(
    client: &mut impl Read,
    server: &mut impl Write,
    executed: &AtomicUsize,
) -> std::io::Result<()> {
    // The first message alone has no type.
    let mut kind = [0_u8; 1];
    let mut is_first = true;
    loop {
        if !is_first {
            client.read_exact(&mut kind)?;
            if kind == *b"E" {
                executed.fetch_add(1, Ordering::SeqCst);
            }
            server.write_all(&kind)?;
        }
        is_first = false;
        let mut length = [0_u8; 4];
        client.read_exact(&mut length)?;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
        client.read_exact(&mut body)?;
        server.write_all(&length)?;
        server.write_all(&body)?;
    }
}

/// A world whose statements are counted.
async fn counted() -> (World, Counter) {
    let mut database = TestDatabase::new(On::Postgres).await;
    let (before, name) = database.url.rsplit_once('/').unwrap();
    let (scheme, address) = before.split_once("//").unwrap();
    let (user, address) = address.split_once('@').unwrap_or(("", address));
    let counter = Counter::before(address.to_owned());
    let name = name.split('?').next().unwrap();
    database.url = format!("{scheme}//{user}@127.0.0.1:{}/{name}?sslmode=disable", counter.port);
    (World::over(database, None).await.with_organizations().await, counter)
}

struct Meter {
    client: Client,
    counter: Counter,
}

impl Meter {
    /// Somebody who is known already: the first use of a key is written down.
    async fn new(client: Client, counter: Counter) -> Self {
        client.query("{ __typename }").await;
        counter.quiet().await;
        Self { client, counter }
    }

    async fn cost(&self, query: &str, variables: Value) -> isize {
        let before = self.counter.quiet().await;
        self.client.data(query, variables).await;
        (self.counter.quiet().await - before).cast_signed()
    }
}

/// Fifty events by fifty users, most of whom the server knows, in five organizations.
async fn fifty(world: &World) {
    let recorder = world.user("recorder", "acme", May { record: true, ..VIEW }).await;
    let places = ["acme", "west", "portland", "seattle", "boston"];
    let mut events = Vec::new();
    for n in 0..50 {
        let place = places[n % places.len()];
        if n % 3 == 0 {
            world.user(&format!("user-{n}"), place, VIEW).await;
        }
        let more = json!({
            "acting_user_id": format!("user-{n}"), "changes": [{"field": "a", "after": n}],
            "metadata": {"n": n}, "id": format!("evt-{n}"),
        });
        events.push(event_with(place, &n.to_string(), more));
    }
    recorder.recorded(Value::from(events)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_costs_the_same_however_many_events_users_and_organizations_are_on_it() {
    let (world, counter) = counted().await;
    fifty(&world).await;
    let whole = world.user("vera", "acme", VIEW).await;
    let part = world.user("wes", "west", VIEW).await;
    let query = "query($first: Int) {
        auditLog(resource_name: APPOINTMENT, first: $first) {
            total_count
            page_info { has_next_page has_previous_page start_cursor end_cursor }
            nodes { ...E }
            edges { cursor node { ...E } }
        }
    }
    fragment E on AuditEvent {
        id acting_user { full_name } organization { name parent_id }
        resource_changes { field } metadata
    }";
    let mut meter = Meter::new(whole, counter).await;
    // Who acted is asked once, and then known.
    let of_new = meter.cost(query, json!({"first": 50})).await;
    let of_one = meter.cost(query, json!({"first": 1})).await;
    let of_fifty = meter.cost(query, json!({"first": 50})).await;
    assert_eq!(of_one, of_fifty);
    assert_eq!(of_new, of_fifty + 1);
    // Who has a part of the tree has to be told which, at the same cost for every page.
    meter = Meter::new(part, meter.counter).await;
    let of_one = meter.cost(query, json!({"first": 1})).await;
    let of_thirty = meter.cost(query, json!({"first": 30})).await;
    assert_eq!(of_one, of_thirty);
    assert!(of_fifty <= 5 && of_thirty <= 5, "{of_fifty} and {of_thirty} statements");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_selected_is_not_asked_of_the_database() {
    let (world, counter) = counted().await;
    fifty(&world).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let cursor = viewer.query("{ auditLog(first: 3) { page_info { end_cursor } } }").await;
    let cursor = cursor["auditLog"]["page_info"]["end_cursor"].clone();
    let meter = Meter::new(viewer, counter).await;

    let of = async |selection: &str| {
        let query = format!(
            "query($after: String, $no: Boolean = false) {{
                auditLog(first: 5, after: $after) {{ {selection} }}
                viewer @include(if: $no) {{ is_owner }}
            }}"
        );
        meter.cost(&query, json!({"after": cursor})).await
    };
    // Who acted is asked once, and then known.
    let known = of("nodes { acting_user { id } }").await;
    let plain = of("nodes { id type resource_name resource_id occurred_at url }").await;
    let table = [
        // No event is asked for: no page is read.
        ("__typename", -1),
        ("total_count", 0),
        ("nodes { resource_changes { field } metadata }", 0),
        ("edges { cursor } page_info { start_cursor end_cursor has_next_page }", 0),
        ("nodes { acting_user { id } }", 0),
        ("nodes { organization { id } }", 0),
        ("edges { node { acting_user { id } organization { id } } }", 0),
        ("nodes { acting_user { id } } edges { node { acting_user { full_name } } }", 0),
        ("page_info { has_previous_page }", 1),
        ("nodes { id } total_count @include(if: $no)", 0),
        ("nodes { id } ... @include(if: $no) { total_count }", 0),
        (
            "total_count page_info { has_previous_page } nodes { acting_user { id } organization { id } }",
            2,
        ),
    ];
    assert_eq!(known, plain + 1);
    for (selection, more) in table {
        assert_eq!(of(selection).await, plain + more, "{selection}");
    }

    meter.cost("{ viewer { user { id } } }", json!({})).await;
    let viewer_alone = meter.cost("{ viewer { user { id } } }", json!({})).await;
    let with_organizations =
        meter.cost("{ viewer { user { id } organizations { id name } } }", json!({})).await;
    assert_eq!(with_organizations, viewer_alone);
    let event =
        |selection: &str| format!("{{ auditEvent(external_id: \"evt-7\") {{ {selection} }} }}");
    let plain = meter.cost(&event("id resource_id metadata"), json!({})).await;
    assert_eq!(meter.cost(&event("acting_user { id }"), json!({})).await, plain + 1);
}
