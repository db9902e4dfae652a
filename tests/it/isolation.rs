//! Whoever asks is answered the same, to the byte, whether or not another tenant's data exists.
//!
//! A random tenant lives twice: alone, and on a database with another one, which has records, events and
//! users' names like its own. Random requests by its people are sent to both, among them many that name
//! what is the other tenant's; every answer must be the same. Some thousands of requests on each database.

use auditlog::admin::{self, Actor, NewKey, NewUser, Rights};
use auditlog::auth::Authenticator;
use auditlog::domain::kind::View;
use auditlog::http;
use auditlog::store::Store;
use axum::Router;
use axum::body::Body;
use axum::http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::property::shrinking;
use crate::support::{On, TestClock, TestDatabase};

on_both!(a_tenant_is_answered_as_if_there_were_no_other);

const CASES: u32 = 30;
const REQUESTS: usize = 170;

/// An event, by what it has in common with others.
#[derive(Debug, Clone)]
struct Made {
    place: usize,
    actor: Option<usize>,
    event_type: usize,
    record: usize,
    days_ago: i64,
    id: Option<u8>,
    value: u8,
}

/// A tenant: each organization's parent among those before it, members by place and rights, events.
#[derive(Debug, Clone)]
struct Tenancy {
    parents: Vec<usize>,
    members: Vec<(usize, usize)>,
    events: Vec<Made>,
}

#[derive(Debug, Clone)]
struct Case {
    own: Tenancy,
    other: Tenancy,
    /// Whether the other one was there first.
    other_is_first: bool,
    requests: Vec<Request>,
}

/// A request, by numbers that choose its parts.
#[derive(Debug, Clone)]
struct Request {
    who: usize,
    what: usize,
    parts: [usize; 6],
}

const TYPES: [&str; 4] = ["CREATE", "UPDATE", "DESTROY", "VIEW"];
const RECORDS: [(&str, &str); 4] =
    [("APPOINTMENT", "1"), ("APPOINTMENT", "2"), ("TASK", "1"), ("USER", "543")];
/// Rights of members: everything, viewing, one's own, a record's history with notes, recording, nothing.
const RIGHTS: usize = 6;

fn tenancy() -> impl Strategy<Value = Tenancy> {
    let made = (
        any::<usize>(),
        prop::option::of(0..4_usize),
        0..TYPES.len(),
        0..RECORDS.len(),
        0..200_i64,
        prop::option::of(0..12_u8),
        0..4_u8,
    )
        .prop_map(|(place, actor, event_type, record, days_ago, id, value)| Made {
            place,
            actor,
            event_type,
            record,
            days_ago,
            id,
            value,
        });
    (vec(any::<usize>(), 1..7), vec((any::<usize>(), 0..RIGHTS), 2..5), vec(made, 5..40))
        .prop_map(|(parents, members, events)| Tenancy { parents, members, events })
}

fn cases() -> impl Strategy<Value = Case> {
    let request = (any::<usize>(), 0..16_usize, any::<[usize; 6]>())
        .prop_map(|(who, what, parts)| Request { who, what, parts });
    (tenancy(), tenancy(), any::<bool>(), vec(request, REQUESTS)).prop_map(
        |(own, other, other_is_first, requests)| Case { own, other, other_is_first, requests },
    )
}

/// A tenant that lives on some server.
struct Living {
    prefix: &'static str,
    store: Store,
    authenticator: Authenticator,
    router: Router,
    organizations: usize,
    clients: Vec<Client>,
    recorder: Client,
}

impl Living {
    async fn found(
        prefix: &'static str,
        tenancy: &Tenancy,
        database: &TestDatabase,
        clock: &TestClock,
    ) -> Self {
        // Each tenant at a server of its own, so that one's ids do not depend on the other's.
        let server = if prefix == "own" { 1 } else { 2 };
        let store = database.store_of_server(server, clock.clock()).await;
        let authenticator = Authenticator::new(store.clone(), None);
        let router = http::router(store.clone(), authenticator.clone()).await;
        let organizations = tenancy.parents.len();
        let mut living = Self {
            prefix,
            store,
            authenticator,
            router: router.clone(),
            organizations,
            clients: Vec::new(),
            recorder: Client::anonymous(&router),
        };
        for (n, parent) in tenancy.parents.iter().enumerate() {
            let parent = (n > 0).then(|| living.organization(parent % n));
            let (id, name) = (living.organization(n), format!("Clinic {n}"));
            let operator = Actor::operator();
            let made = admin::create_organization(&living.store, &operator, id, name, parent);
            made.await.unwrap().unwrap();
        }
        for (n, (place, rights)) in tenancy.members.iter().enumerate() {
            let client = living.user(n, *place, rights_of(*rights)).await;
            living.clients.push(client);
        }
        let records = Rights { can_record: true, ..Rights::default() };
        living.recorder = living.user(99, 0, records).await;
        living
    }

    fn organization(&self, n: usize) -> String {
        format!("{}-{}", self.prefix, n % self.organizations)
    }

    async fn user(&self, n: usize, place: usize, rights: Rights) -> Client {
        let new = NewUser {
            id: format!("{}-user-{n}", self.prefix),
            organization_id: self.organization(place),
            first_name: Some("Ann".to_owned()),
            last_name: Some(format!("Lee {n}")),
            email: Some("ann@example.com".to_owned()),
            rights,
        };
        let (operator, id) = (Actor::operator(), new.id.clone());
        admin::create_user(&self.store, &operator, new).await.unwrap().unwrap();
        let key = NewKey { user_id: id, ..NewKey::default() };
        let key = admin::create_api_key(&self.store, &operator, key).await.unwrap().unwrap();
        Client::bearer(&self.router, &key.0)
    }

    async fn record(&self, made: &Made) {
        let (resource_name, resource_id) = RECORDS[made.record];
        let at = TestClock::new().now() - chrono::TimeDelta::days(made.days_ago);
        let event = json!({
            "id": made.id.map(|id| format!("evt-{id}")),
            "organization_id": self.organization(made.place),
            "acting_user_id": made.actor.map(|n| format!("{}-user-{n}", self.prefix)),
            "type": TYPES[made.event_type], "resource_name": resource_name,
            "resource_id": resource_id, "occurred_at": at.to_rfc3339(),
            "changes": [{"field": "status", "before": null, "after": made.value.to_string()}],
            "description": format!("word{} of a description", made.value),
            "ip_address": format!("203.0.113.{}", made.value), "page": format!("Page {}", made.value),
        });
        // The same id twice is a conflict, or a duplicate: the log is none the richer.
        self.recorder.record(event).await;
    }
}

fn rights_of(n: usize) -> Rights {
    let nothing = Rights::default();
    match n {
        0 => Rights { is_owner: true, can_record: true, can_add_notes: true, ..nothing },
        1 => Rights { can_view_audit_log: true, ..nothing },
        2 => Rights { can_view_audit_log: true, view: View::Own, ..nothing },
        3 => Rights { can_view_resource_history: true, can_add_notes: true, ..nothing },
        4 => Rights { can_record: true, ..nothing },
        _ => nothing,
    }
}

/// What requests name: what is the tenant's own, the other's, or nobody's.
struct Names {
    organizations: Vec<String>,
    users: Vec<String>,
    /// Ids of events, cursors, memberships and keys.
    opaque: Vec<String>,
}

impl Names {
    fn of(living: [(&Living, Vec<String>); 2]) -> Self {
        let mut names = Self {
            organizations: vec!["nowhere".into()],
            users: vec!["nobody".into()],
            opaque: vec!["AAAA".into()],
        };
        for (living, opaque) in living {
            names.organizations.extend((0..living.organizations).map(|n| living.organization(n)));
            names.users.extend((0..5).map(|n| format!("{}-user-{n}", living.prefix)));
            names.opaque.extend(opaque);
        }
        names
    }
}

impl Living {
    /// The ids and cursors that an owner is given.
    async fn opaque(&self) -> Vec<String> {
        let auditor = Rights { is_owner: true, ..Rights::default() };
        let auditor = self.user(77, 0, auditor).await;
        let all =
            "{ auditLog(first: 30) { nodes { id resource_name resource_id } edges { cursor } } }";
        let log = auditor.query(all).await["auditLog"].take();
        let nodes = log["nodes"].as_array().unwrap();
        let made = ["API_KEY", "ORGANIZATION_MEMBERSHIP"];
        let of_server = |node: &&Value| made.contains(&node["resource_name"].as_str().unwrap());
        let edges = log["edges"].as_array().unwrap();
        let ids = nodes.iter().map(|node| text(&node["id"]));
        let made = nodes.iter().filter(of_server).map(|node| text(&node["resource_id"]));
        ids.chain(made).chain(edges.iter().map(|edge| text(&edge["cursor"]))).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn pick<T>(list: &[T], n: usize) -> &T {
    &list[n % list.len()]
}

/// A request as it is sent.
enum Sent {
    GraphQl(String),
    Get(String),
    Post(Value),
}

impl Request {
    /// `cursor` is one that the requester was given before.
    fn sent(&self, names: &Names, cursor: &str) -> Sent {
        let [a, b, c, d, e, f] = self.parts;
        let organization = pick(&names.organizations, a);
        let user = pick(&names.users, b);
        let opaque = pick(&names.opaque, c);
        let (resource_name, resource_id) = *pick(&RECORDS, d);
        let record = format!("resource_name: {resource_name}, resource_id: \"{resource_id}\"");
        let page = match e % 6 {
            0 => format!(", first: {}", 1 + f % 9),
            1 => format!(", last: {}", 1 + f % 9),
            2 => format!(", first: {}, after: \"{cursor}\"", 1 + f % 9),
            3 => format!(", last: 3, before: \"{cursor}\""),
            4 => format!(", after: \"{opaque}\""),
            _ => String::new(),
        };
        let order =
            *pick(&["OCCURRED_AT_DESC", "SEQUENCE_ASC", "ACTING_USER_ASC", "IP_ADDRESS_DESC"], f);
        let connection = "{
            total_count visible_since
            page_info { has_next_page has_previous_page start_cursor end_cursor }
            nodes {
                id sequence external_id type resource_name resource_id occurred_at recorded_at
                acting_user { id full_name email } organization { id name parent_id }
                resource_changes { field value_before_change value_after_change } metadata
            }
        }";
        let log = |filter: String| {
            format!("{{ auditLog(order_by: {order}{filter}{page}) {connection} }}")
        };
        let mutation = |name: &str, input: String, answer: &str| {
            format!(
                "mutation {{ {name}(input: {{{input}}}) {{ {answer} messages {{ field message }} }} }}"
            )
        };
        Sent::GraphQl(match self.what {
            0 => log(String::new()),
            1 => log(format!(", organization_id: \"{organization}\"")),
            2 => log(format!(", acting_user_id: \"{user}\", include_sub_organizations: false")),
            3 => log(format!(", {record}")),
            4 => log(format!(", description: \"word{}\", organization_id: \"{organization}\", hierarchy: AT_EVENT", d % 5)),
            5 => log(format!(", changed_field: \"status\", value_after: \"{}\"", d % 5)),
            6 => match e % 2 {
                0 => format!("{{ auditEvent(id: \"{opaque}\") {{ id sequence metadata }} }}"),
                _ => format!("{{ auditEvent(external_id: \"evt-{}\") {{ id sequence resource_id organization {{ id }} }} }}", d % 14),
            },
            7 => format!("{{ resourceHistory({record}, order_by: {order}{page}) {connection} }}"),
            8 => format!("{{ resourceNotes({record}, organization_id: \"{organization}\"{page}) {{ total_count nodes {{ line }} }} }}"),
            9 => "{ viewer { user { id } organizations { id parent_id } organization_memberships { id } }
                auditPlan { name legal_holds } auditSettings { log_of_reads } legalHolds { id reason } }".to_owned(),
            10 => format!("{{ auditPolicies(organization_id: \"{organization}\") {{ organization_id }}
                effectiveAuditPolicy(organization_id: \"{organization}\") {{ recorded {{ value organization_id }} }}
                sensitiveFields {{ fields }} statusNoteRules {{ resource_name }} auditEventTypes {{ name }} }}"),
            11 => match e % 4 {
                0 => mutation("placeLegalHold", format!("organization_id: \"{organization}\", reason: \"x\""), "legal_hold { id }"),
                1 => mutation("setAuditPolicy", format!("organization_id: \"{organization}\", mask_secrets: true"), "audit_policy { organization_id }"),
                2 => mutation("moveOrganization", format!("id: \"{organization}\", parent_id: \"{}\"", pick(&names.organizations, f)), "organization { id parent_id }"),
                _ => mutation("addTimestampNote", format!("organization_id: \"{organization}\", {record}, text: \"x\", corrects: \"{opaque}\""), "note { id }"),
            },
            12 => match e % 3 {
                0 => mutation("createApiKey", format!("user_id: \"{user}\""), "api_key_object { id user_id }"),
                1 => mutation("updateOrganizationMembership", format!("id: \"{opaque}\", can_record: true"), "organization_membership { id user_id }"),
                _ => mutation("deleteApiKey", format!("id: \"{opaque}\""), "api_key_object { id }"),
            },
            13 => {
                let format = if e % 2 == 0 { "csv" } else { "ndjson" };
                return Sent::Get(format!("/v1/audit-events?format={format}&organization_id={organization}"));
            }
            14 => return Sent::Get(format!("/v1/audit-events?format=ndjson&resource_id={resource_id}&order_by={order}")),
            _ => return Sent::Post(json!({
                "id": format!("evt-{}", c % 20), "organization_id": organization, "acting_user_id": user,
                "type": "UPDATE", "resource_name": resource_name, "resource_id": resource_id,
            })),
        })
    }
}

async fn send(client: &Client, sent: &Sent) -> Answer {
    match sent {
        Sent::GraphQl(document) => client.graphql(document, json!({})).await,
        Sent::Get(uri) => client.send(Method::GET, uri, None, Body::empty()).await,
        Sent::Post(event) => client.record(event.clone()).await,
    }
}

/// A cursor of an answer, to be given back.
fn cursor_in(answer: &Answer) -> Option<String> {
    let (_, rest) = answer.body.split_once("\"end_cursor\":\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

async fn a_tenant_is_answered_as_if_there_were_no_other(on: On) {
    shrinking(0, CASES, cases(), async |case: Case| {
        let clock = TestClock::new();
        let (alone, shared) = (TestDatabase::new(on).await, TestDatabase::new(on).await);
        // The first server makes the installation's key.
        for database in [&alone, &shared] {
            database.store_of_server(0, clock.clock()).await;
        }
        let one = Living::found("own", &case.own, &alone, &clock).await;
        let (two, other) = match case.other_is_first {
            true => {
                let other = Living::found("other", &case.other, &shared, &clock).await;
                (Living::found("own", &case.own, &shared, &clock).await, other)
            }
            false => {
                let two = Living::found("own", &case.own, &shared, &clock).await;
                (two, Living::found("other", &case.other, &shared, &clock).await)
            }
        };
        let longest = case.own.events.len().max(case.other.events.len());
        for n in 0..longest {
            if let Some(made) = case.other.events.get(n) {
                other.record(made).await;
            }
            if let Some(made) = case.own.events.get(n) {
                one.record(made).await;
                two.record(made).await;
            }
        }
        let (opaque, foreign) = (one.opaque().await, other.opaque().await);
        assert_eq!(two.opaque().await, opaque);
        let names = Names::of([(&one, opaque), (&other, foreign)]);
        let mut cursor = "AAAA".to_owned();
        for request in &case.requests {
            let who = request.who % one.clients.len();
            let sent = request.sent(&names, &cursor);
            let (a, b) =
                (send(&one.clients[who], &sent).await, send(&two.clients[who], &sent).await);
            // A key that was deleted leaves its event after the answer.
            one.authenticator.settled().await;
            two.authenticator.settled().await;
            let what = match &sent {
                Sent::GraphQl(text) | Sent::Get(text) => text.clone(),
                Sent::Post(event) => event.to_string(),
            };
            assert_eq!((a.status, &a.body), (b.status, &b.body), "user {who}: {what}");
            assert_eq!(a.headers, b.headers, "user {who}: {what}");
            assert!(
                !a.status.is_server_error() && !a.body.contains("INTERNAL"),
                "{what}: {}",
                a.body
            );
            cursor = cursor_in(&a).unwrap_or(cursor);
        }
    });
}
