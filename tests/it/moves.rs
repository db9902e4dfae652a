//! Organizations that move: who sees what by today's tree and by the tree of the day, for any trees,
//! moves and memberships, as a naive model says.

use std::cell::Cell;
use std::collections::BTreeSet;

use insta::assert_snapshot;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::property::for_all;
use crate::support::world::{May, OWN, VIEW, World, event, event_with};

on_both!(
    viewers_see_what_a_model_of_moving_trees_says,
    a_move_is_recorded_and_answered,
    what_cannot_be_moved_is_said,
    events_recorded_while_an_organization_moves_are_under_one_of_its_parents,
);

const MOVE: &str = "mutation($id: ID!, $to: ID!) {
    moveOrganization(input: {id: $id, parent_id: $to}) {
        organization { id name parent_id } messages { field message }
    }
}";

const LIST: &str = "query($hierarchy: AuditLogHierarchy, $organization: ID, $sub: Boolean) {
    auditLog(
        resource_name: TASK, first: 1000, hierarchy: $hierarchy, organization_id: $organization,
        include_sub_organizations: $sub
    ) { total_count nodes { resource_id } }
}";

#[derive(Debug, Clone)]
enum Step {
    Move { which: Index, to: Index },
    Record { organization: Index, user: Index },
}

#[derive(Debug, Clone)]
struct Case {
    parents: Vec<Index>,
    steps: Vec<Step>,
    /// Of each user: where, and whether only their own actions.
    viewers: Vec<Vec<(Index, bool)>>,
}

fn case() -> impl Strategy<Value = Case> {
    let index = any::<Index>;
    let step = prop_oneof![
        (index(), index()).prop_map(|(which, to)| Step::Move { which, to }),
        (index(), index()).prop_map(|(organization, user)| Step::Record { organization, user }),
    ];
    let viewers = vec(vec((index(), any::<bool>()), 1..3), 1..4);
    (vec(index(), 1..7), vec(step, 1..24), viewers).prop_map(|(parents, steps, viewers)| Case {
        parents,
        steps,
        viewers,
    })
}

/// The naive model: who is below whom now, and each event with the path it was recorded under.
struct Model {
    ids: Vec<String>,
    parents: Vec<Option<usize>>,
    events: Vec<Recorded>,
}

struct Recorded {
    organization: usize,
    path: Vec<usize>,
    /// None where it was none of the viewers.
    user: Option<usize>,
    /// Whether the lists that are asked for hold it.
    is_listed: bool,
}

/// Where a viewer sees everybody's actions, and where their own.
struct Roots {
    user: usize,
    all: Vec<usize>,
    own: Vec<usize>,
}

impl Model {
    fn path(&self, organization: usize) -> Vec<usize> {
        let mut path = vec![organization];
        while let Some(parent) = self.parents[path[path.len() - 1]] {
            path.push(parent);
        }
        path
    }

    fn move_to(&mut self, which: usize, to: usize) -> bool {
        let possible = self.parents[which].is_some() && !self.path(to).contains(&which);
        if possible && self.parents[which] != Some(to) {
            self.parents[which] = Some(to);
            self.record(which, None, false);
        }
        possible
    }

    fn record(&mut self, organization: usize, user: Option<usize>, is_listed: bool) {
        let path = self.path(organization);
        self.events.push(Recorded { organization, path, user, is_listed });
    }

    /// The events a viewer sees, each by its place; none when they may not name the organization.
    fn seen(
        &self,
        roots: &Roots,
        at_event: bool,
        narrow: Option<(usize, bool)>,
    ) -> Option<BTreeSet<String>> {
        let below = |path: &[usize], roots: &[usize]| roots.iter().any(|root| path.contains(root));
        let seen: Vec<usize> = (0..self.events.len())
            .filter(|n| {
                let event = &self.events[*n];
                let path =
                    if at_event { event.path.clone() } else { self.path(event.organization) };
                let visible = below(&path, &roots.all)
                    || (event.user == Some(roots.user) && below(&path, &roots.own));
                let asked = narrow.is_none_or(|(organization, with_descendants)| {
                    let place = path.iter().position(|id| *id == organization);
                    // From the one that is asked for up, one of the viewer's.
                    let named = place.is_some_and(|place| {
                        below(&path[place..], &roots.all) || below(&path[place..], &roots.own)
                    });
                    named && (with_descendants || event.organization == organization)
                });
                visible && asked
            })
            .collect();
        let may_be_named = narrow.is_none_or(|(organization, _)| {
            let path = self.path(organization);
            below(&path, &roots.all) || below(&path, &roots.own) || (at_event && !seen.is_empty())
        });
        let listed = seen.into_iter().filter(|n| self.events[*n].is_listed);
        may_be_named.then(|| listed.map(|n| n.to_string()).collect())
    }
}

async fn viewers_see_what_a_model_of_moving_trees_says(on: On) {
    let world = World::empty(on, None).await;
    let count = Cell::new(0);
    for_all(10, case(), async |case: Case| {
        count.set(count.get() + 1);
        let name = format!("tenant-{}", count.get());
        let mut model = Model { ids: Vec::new(), parents: Vec::new(), events: Vec::new() };
        let parents = case.parents.iter().enumerate().map(|(i, p)| Some(p.index(i + 1)));
        for (i, parent) in [None].into_iter().chain(parents).enumerate() {
            let id = format!("{name}-{i}");
            let above = parent.map(|parent: usize| model.ids[parent].clone());
            world.organization(&id, "An organization", above.as_deref()).await;
            model.ids.push(id);
            model.parents.push(parent);
            model.record(i, None, false);
        }
        let root = model.ids[0].clone();
        let owner = world.user(&format!("{name}-owner"), &root, OWN).await;
        let recorder = world.recorder(&root).await;
        let mut viewers = Vec::new();
        for (user, memberships) in case.viewers.iter().enumerate() {
            viewers.push(viewer(&world, &model, &name, user, memberships).await);
        }
        for step in &case.steps {
            match step {
                Step::Move { which, to } => {
                    let (which, to) = (which.index(model.ids.len()), to.index(model.ids.len()));
                    let variables = json!({"id": model.ids[which], "to": model.ids[to]});
                    let moved = owner.data(MOVE, variables).await["moveOrganization"].take();
                    let done = model.move_to(which, to);
                    assert_eq!(moved["messages"] == json!([]), done, "{moved}");
                }
                Step::Record { organization, user } => {
                    let organization = organization.index(model.ids.len());
                    let user = user.index(viewers.len());
                    let id = model.events.len().to_string();
                    let user_id = format!("{name}-user-{user}");
                    let more = json!({"acting_user_id": user_id, "resource_name": "TASK"});
                    recorder.recorded(event_with(&model.ids[organization], &id, more)).await;
                    model.record(organization, Some(user), true);
                }
            }
        }
        for (client, roots) in &viewers {
            for (hierarchy, at_event) in [("CURRENT", false), ("AT_EVENT", true)] {
                let none = json!({"hierarchy": hierarchy});
                check(client, none, model.seen(roots, at_event, None)).await;
                for (place, id) in model.ids.iter().enumerate() {
                    for sub in [true, false] {
                        let variables =
                            json!({"hierarchy": hierarchy, "organization": id, "sub": sub});
                        let expected = model.seen(roots, at_event, Some((place, sub)));
                        check(client, variables, expected).await;
                    }
                }
            }
        }
    });
}

async fn viewer(
    world: &World,
    model: &Model,
    name: &str,
    user: usize,
    memberships: &[(Index, bool)],
) -> (Client, Roots) {
    let id = format!("{name}-user-{user}");
    let mut roots = Roots { user, all: Vec::new(), own: Vec::new() };
    let mut client = None;
    for (place, only_own) in memberships {
        let place = place.index(model.ids.len());
        if roots.all.contains(&place) || roots.own.contains(&place) {
            continue;
        }
        if *only_own { &mut roots.own } else { &mut roots.all }.push(place);
        let may = May { only_own_actions: *only_own, ..VIEW };
        match client {
            None => client = Some(world.user(&id, &model.ids[place], may).await),
            Some(_) => world.member(&id, &model.ids[place], may).await,
        }
    }
    (client.unwrap(), roots)
}

async fn check(client: &Client, variables: Value, expected: Option<BTreeSet<String>>) {
    let answer = client.graphql(LIST, variables.clone()).await.json();
    let Some(expected) = expected else {
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(*code, "NOT_FOUND", "{variables}: {answer}");
        return;
    };
    let log = &answer["data"]["auditLog"];
    let nodes = log["nodes"].as_array().unwrap_or_else(|| panic!("{variables}: {answer}"));
    let met: BTreeSet<String> =
        nodes.iter().map(|node| node["resource_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(met, expected, "{variables}");
    assert_eq!((nodes.len(), &log["total_count"]), (expected.len(), &json!(expected.len())));
}

async fn a_move_is_recorded_and_answered(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let west = world.user("wendy", "west", VIEW).await;
    let east = world.user("emma", "east", VIEW).await;
    let recorder = world.recorder("acme").await;
    recorder.recorded(event("portland", "before the move")).await;
    let moved = owner.data(MOVE, json!({"id": "portland", "to": "east"})).await;
    recorder.recorded(event("portland", "after the move")).await;

    let told = "query($hierarchy: AuditLogHierarchy) { auditLog(
        hierarchy: $hierarchy, resource_names: [APPOINTMENT, ORGANIZATION], order_by: SEQUENCE_ASC
    ) { nodes {
        type resource_name resource_id acting_user { id } organization { id parent_id }
        resource_changes { field value_before_change value_after_change }
    } } }";
    let mut all = vec![moved];
    for (client, hierarchy) in
        [(&west, "CURRENT"), (&west, "AT_EVENT"), (&east, "CURRENT"), (&east, "AT_EVENT")]
    {
        all.push(client.data(told, json!({"hierarchy": hierarchy})).await);
    }
    assert_snapshot!("a_move", pretty(&Value::from(all)));

    // Moving it to where it is changes nothing and leaves nothing.
    let count = "{ auditLog(resource_name: ORGANIZATION, event_type: UPDATE) { total_count } }";
    let before = owner.query(count).await;
    owner.data(MOVE, json!({"id": "portland", "to": "east"})).await;
    assert_eq!(owner.query(count).await, before);
}

async fn what_cannot_be_moved_is_said(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let west = world.user("wendy", "west", OWN).await;
    let mut answers = Vec::new();
    for (client, id, to) in [
        (&owner, "acme", "west"),
        (&owner, "west", "west"),
        (&owner, "west", "portland"),
        (&owner, "west", "globex"),
        (&owner, "hammock", "west"),
        (&owner, "", "\n"),
        (&west, "portland", "east"),
        (&west, "boston", "west"),
        (&west, "west", "east"),
    ] {
        let answer = client.data(MOVE, json!({"id": id, "to": to})).await;
        answers.push(json!({"id": id, "to": to, "answer": answer["moveOrganization"]}));
    }
    assert_snapshot!("what_cannot_be_moved", pretty(&Value::from(answers)));
}

/// However recording and moving fall together, each event is where its organization was.
async fn events_recorded_while_an_organization_moves_are_under_one_of_its_parents(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let west = world.user("wendy", "west", VIEW).await;
    let east = world.user("emma", "east", VIEW).await;
    let recorder = world.recorder("acme").await;
    let moving = async {
        for to in ["east", "west", "east", "west", "east"] {
            let moved = owner.data(MOVE, json!({"id": "portland", "to": to})).await;
            assert_eq!(moved["moveOrganization"]["messages"], json!([]));
        }
    };
    let recording = async {
        for n in 0..40 {
            recorder.recorded(event("portland", &n.to_string())).await;
        }
    };
    tokio::join!(moving, recording);
    let list = "query($hierarchy: AuditLogHierarchy) {
        auditLog(resource_name: APPOINTMENT, hierarchy: $hierarchy, first: 1000) {
            nodes { resource_id }
        }
    }";
    let ids = |log: Value| -> BTreeSet<String> {
        let nodes = log["auditLog"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["resource_id"].as_str().unwrap().to_owned()).collect()
    };
    let then = json!({"hierarchy": "AT_EVENT"});
    let (in_west, in_east) =
        (ids(west.data(list, then.clone()).await), ids(east.data(list, then).await));
    assert!(in_west.is_disjoint(&in_east));
    assert_eq!(in_west.len() + in_east.len(), 40);
    assert_eq!(ids(west.data(list, json!({})).await).len(), 0);
    assert_eq!(ids(east.data(list, json!({})).await).len(), 40);
}
