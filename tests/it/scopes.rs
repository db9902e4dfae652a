//! Who sees what: for any trees and any memberships, what a naive walk of the trees says.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Answer, Client};
use crate::support::property::for_all;
use crate::support::world::{May, NOTHING, World};

on_both!(a_viewer_sees_what_a_walk_of_the_tree_reaches);

/// Several tenants.
type Case = Vec<Tree>;

#[derive(Debug, Clone)]
struct Tree {
    /// The parent of each organization but the root: one that comes before it.
    parents: Vec<Index>,
    /// The memberships of each user; of several in one organization the first counts.
    users: Vec<Vec<(Index, May)>>,
}

fn case() -> impl Strategy<Value = Case> {
    let may = (any::<bool>(), any::<bool>(), any::<bool>())
        // Owners see as well as viewers: few are needed.
        .prop_map(|(own, view, record)| May { own: own && record, view, record, ..NOTHING });
    let users = vec(vec((any::<Index>(), may), 1..4), 1..4);
    let tree =
        (vec(any::<Index>(), 0..8), users).prop_map(|(parents, users)| Tree { parents, users });
    vec(tree, 1..4)
}

/// A tree with its ids.
struct Tenant {
    ids: Vec<String>,
    parents: Vec<Option<usize>>,
    users: Vec<(Client, Vec<(usize, May)>)>,
}

impl Tenant {
    async fn new(world: &World, name: &str, tree: &Tree) -> Self {
        let mut tenant = Self { ids: Vec::new(), parents: Vec::new(), users: Vec::new() };
        let parents = tree.parents.iter().enumerate().map(|(i, parent)| Some(parent.index(i + 1)));
        for (i, parent) in [None].into_iter().chain(parents).enumerate() {
            let id = format!("{name}-{i}");
            let above = parent.map(|parent| tenant.ids[parent].clone());
            world.organization(&id, &format!("Organization {id}"), above.as_deref()).await;
            tenant.ids.push(id);
            tenant.parents.push(parent);
        }
        for (n, memberships) in tree.users.iter().enumerate() {
            let user = format!("{name}-user-{n}");
            let mut places: Vec<(usize, May)> = Vec::new();
            for (place, may) in memberships {
                let place = place.index(tenant.ids.len());
                if places.iter().all(|(other, _)| *other != place) {
                    places.push((place, *may));
                }
            }
            let (first, may) = places[0];
            let client = world.user(&user, &tenant.ids[first], may).await;
            for (place, may) in &places[1..] {
                world.member(&user, &tenant.ids[*place], *may).await;
            }
            tenant.users.push((client, places));
        }
        let recorder = world.recorder(&tenant.ids[0]).await;
        let events = tenant.ids.iter().map(|id| {
            json!({
                "id": id, "organization_id": id, "type": "UPDATE", "resource_name": "TASK",
                "resource_id": id,
            })
        });
        recorder.recorded(events.collect()).await;
        tenant
    }

    /// The organization and all below it.
    fn below(&self, root: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([root]);
        // A parent comes before its children.
        for (i, parent) in self.parents.iter().enumerate() {
            if parent.is_some_and(|parent| reached.contains(&parent)) {
                reached.insert(i);
            }
        }
        reached
    }

    fn visible(&self, memberships: &[(usize, May)]) -> BTreeSet<usize> {
        let roots = memberships.iter().filter(|(_, may)| may.view || may.own);
        roots.flat_map(|(root, _)| self.below(*root)).collect()
    }

    fn names(&self, places: &BTreeSet<usize>) -> BTreeSet<String> {
        places.iter().map(|place| self.ids[*place].clone()).collect()
    }
}

const LIST: &str = "query($organization: ID, $sub: Boolean) {
    auditLog(
        resource_name: TASK, first: 1000, organization_id: $organization,
        include_sub_organizations: $sub
    ) {
        total_count
        nodes { resource_id organization { id name parent_id } }
    }
}";

const ONE: &str = "query($id: ID) {
    auditEvent(external_id: $id) { resource_id organization { id name parent_id } }
}";

const MISSING: &str = "no-such-organization";

async fn a_viewer_sees_what_a_walk_of_the_tree_reaches(on: On) {
    let world = World::empty(on, None).await;
    let count = Cell::new(0);
    for_all(6, case(), async |case: Case| {
        count.set(count.get() + 1);
        let mut tenants = Vec::new();
        for (n, tree) in case.iter().enumerate() {
            let name = format!("case-{}-tenant-{n}", count.get());
            tenants.push(Tenant::new(&world, &name, tree).await);
        }
        for tenant in &tenants {
            for (client, memberships) in &tenant.users {
                let visible = tenant.visible(memberships);
                if visible.is_empty() {
                    sees_nothing(client, &tenants).await;
                } else {
                    sees(client, tenant, &visible, &tenants).await;
                }
            }
        }
    });
}

/// Without the right the answer is one and the same, whatever is asked for.
async fn sees_nothing(client: &Client, tenants: &[Tenant]) {
    let missing = client.graphql(LIST, json!({"organization": MISSING})).await;
    assert_eq!(missing.json()["errors"][0]["extensions"]["code"], "FORBIDDEN");
    same(&client.graphql(LIST, json!({})).await, &missing);
    let no_event = client.graphql(ONE, json!({"id": MISSING})).await;
    assert_eq!(no_event.json()["errors"][0]["extensions"]["code"], "FORBIDDEN");
    for id in tenants.iter().flat_map(|tenant| &tenant.ids) {
        same(&client.graphql(LIST, json!({"organization": id})).await, &missing);
        same(&client.graphql(ONE, json!({"id": id})).await, &no_event);
    }
}

async fn sees(client: &Client, tenant: &Tenant, visible: &BTreeSet<usize>, tenants: &[Tenant]) {
    let list = client.data(LIST, json!({})).await;
    check_list(&list["auditLog"], tenant, visible, visible);

    let missing = client.graphql(LIST, json!({"organization": MISSING})).await;
    assert_eq!(missing.json()["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let no_event = client.graphql(ONE, json!({"id": MISSING})).await;
    assert_eq!(no_event.json(), json!({"data": {"auditEvent": null}}));
    for other in tenants {
        for (place, id) in other.ids.iter().enumerate() {
            let whole = client.graphql(LIST, json!({"organization": id})).await;
            let alone = client.graphql(LIST, json!({"organization": id, "sub": false})).await;
            let event = client.graphql(ONE, json!({"id": id})).await;
            if other.ids == tenant.ids && visible.contains(&place) {
                let below = tenant.below(place);
                check_list(&whole.json()["data"]["auditLog"], tenant, visible, &below);
                let only = BTreeSet::from([place]);
                check_list(&alone.json()["data"]["auditLog"], tenant, visible, &only);
                check_event(&event.json()["data"]["auditEvent"], tenant, visible);
            } else {
                same(&whole, &missing);
                same(&alone, &missing);
                same(&event, &no_event);
            }
        }
    }
    check_viewer(client, tenant, visible).await;
}

/// To the byte, headers included.
fn same(answer: &Answer, other: &Answer) {
    assert_eq!(answer.status, other.status);
    assert_eq!(answer.headers, other.headers);
    assert_eq!(answer.body, other.body);
}

fn check_list(log: &Value, tenant: &Tenant, visible: &BTreeSet<usize>, expected: &BTreeSet<usize>) {
    let nodes = log["nodes"].as_array().unwrap();
    let met: BTreeSet<String> =
        nodes.iter().map(|node| node["resource_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(met, tenant.names(expected));
    assert_eq!(nodes.len(), expected.len());
    assert_eq!(log["total_count"], expected.len());
    for node in nodes {
        check_event(node, tenant, visible);
    }
}

fn check_event(event: &Value, tenant: &Tenant, visible: &BTreeSet<usize>) {
    assert_eq!(event["organization"], organization(&event["resource_id"], tenant, visible));
}

/// An organization as the viewer may see it: with its parent only if they see that too.
fn organization(id: &Value, tenant: &Tenant, visible: &BTreeSet<usize>) -> Value {
    let place = tenant.ids.iter().position(|other| id == other).unwrap();
    let parent = tenant.parents[place].filter(|parent| visible.contains(parent));
    json!({
        "id": id, "name": format!("Organization {}", tenant.ids[place]),
        "parent_id": parent.map(|parent| &tenant.ids[parent]),
    })
}

async fn check_viewer(client: &Client, tenant: &Tenant, visible: &BTreeSet<usize>) {
    let told = client.query("{ viewer { organizations { id name parent_id } } }").await;
    let told = told["viewer"]["organizations"].as_array().unwrap();
    let mut met = BTreeSet::new();
    for seen in told {
        assert_eq!(*seen, organization(&seen["id"], tenant, visible));
        if let Some(parent) = seen["parent_id"].as_str() {
            assert!(met.contains(parent), "{parent} comes after its child");
        }
        met.insert(seen["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(met, tenant.names(visible));
    assert_eq!(told.len(), visible.len());
}
