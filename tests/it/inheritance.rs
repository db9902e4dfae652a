//! Which policy holds where, against a walk up the tree, one attribute at a time.

use auditlog::domain::event::Context;
use auditlog::domain::id::Id;
use auditlog::domain::kind::{EventType, ResourceName};
use auditlog::domain::pattern::Pattern;
use auditlog::domain::policy::{Inherited, Policies, Policy, RecordType, Set};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn id(text: impl ToString) -> Id {
    Id::new(text.to_string()).unwrap()
}

fn record_types() -> Vec<RecordType> {
    let custom =
        |name| RecordType { resource_name: ResourceName::Task, custom_resource: Some(id(name)) };
    let builtin = |resource_name| RecordType { resource_name, custom_resource: None };
    vec![builtin(ResourceName::User), builtin(ResourceName::Task), custom("x"), custom("y")]
}

fn fields() -> impl Strategy<Value = Option<Vec<Pattern>>> {
    let pattern = select(vec!["a", "b.c", "*.d", "**.e"]).prop_map(|t| Pattern::new(t).unwrap());
    prop::option::weighted(0.3, prop::collection::vec(pattern, 0..3))
}

fn policies() -> impl Strategy<Value = Policy> {
    let types = prop::collection::vec(select(EventType::ALL), 0..3);
    let customs = prop::collection::vec(select(vec!["p", "q"]).prop_map(id), 0..2);
    let flag = || prop::option::weighted(0.3, any::<bool>());
    (
        (flag(), flag()),
        (prop::option::weighted(0.3, types), prop::option::weighted(0.3, customs)),
        (fields(), fields(), fields(), fields()),
    )
        .prop_map(|((recorded, mask_secrets), (event_types, custom_types), lists)| Policy {
            recorded,
            event_types,
            custom_types,
            recorded_fields: lists.0,
            masked_fields: lists.1,
            dropped_fields: lists.2,
            mask_secrets,
            plain_fields: lists.3,
        })
}

/// A tree (each organization's parent is one before it) and policies in it.
fn worlds() -> impl Strategy<Value = (Vec<usize>, Vec<Set>)> {
    let tree = prop::collection::vec(any::<Index>(), 0..8).prop_map(|parents| {
        parents.iter().enumerate().map(|(i, parent)| parent.index(i + 1)).collect::<Vec<_>>()
    });
    let record_type = prop::option::of(select(record_types()));
    let sets = prop::collection::vec((any::<Index>(), record_type, policies()), 0..8);
    (tree, sets).prop_map(|(tree, sets)| {
        let mut placed: Vec<Set> = Vec::new();
        for (place, record_type, policy) in sets {
            let organization_id = id(place.index(tree.len() + 1));
            let is_new = |set: &Set| {
                set.organization_id != organization_id || set.record_type != record_type
            };
            if placed.iter().all(is_new) {
                placed.push(Set { organization_id, record_type, policy });
            }
        }
        (tree, placed)
    })
}

fn upward(tree: &[usize], mut at: usize) -> Vec<Id> {
    let mut path = vec![id(at)];
    while let Some(above) = at.checked_sub(1).map(|i| tree[i]) {
        path.push(id(above));
        at = above;
    }
    path
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn each_attribute_comes_from_the_nearest_policy_that_has_it((tree, sets) in worlds()) {
        let policies = Policies::new(sets.clone());
        let kinds = record_types().into_iter().map(Some).chain([None]);
        for (kind, at) in kinds.flat_map(|kind| (0..=tree.len()).map(move |at| (kind.clone(), at))) {
            let path = upward(&tree, at);
            fn walk<T: Clone>(
                (sets, path, kind): (&[Set], &[Id], &Option<RecordType>),
                attribute: impl Fn(&Policy) -> Option<T>,
            ) -> Inherited<Option<T>> {
                for place in path {
                    for kind in [kind, &None] {
                        let here = |s: &&Set| s.organization_id == *place && s.record_type == *kind;
                        if let Some(value) = sets.iter().find(here).and_then(|s| attribute(&s.policy)) {
                            return Inherited { value: Some(value), from: Some(place.clone()) };
                        }
                    }
                }
                Inherited { value: None, from: None }
            }
            let world = (sets.as_slice(), path.as_slice(), &kind);
            let found = policies.effective(path.iter(), kind.as_ref());
            let recorded = walk(world, |p| p.recorded);
            prop_assert_eq!(found.recorded.value, recorded.value.unwrap_or(true));
            prop_assert_eq!(&found.recorded.from, &recorded.from);
            let secrets = walk(world, |p| p.mask_secrets);
            prop_assert_eq!(found.mask_secrets.value, secrets.value.unwrap_or(true));
            prop_assert_eq!(&found.event_types, &walk(world, |p| p.event_types.clone()));
            prop_assert_eq!(&found.custom_types, &walk(world, |p| p.custom_types.clone()));
            prop_assert_eq!(&found.recorded_fields, &walk(world, |p| p.recorded_fields.clone()));
            for (found, walked) in [
                (&found.masked_fields, walk(world, |p| p.masked_fields.clone())),
                (&found.dropped_fields, walk(world, |p| p.dropped_fields.clone())),
                (&found.plain_fields, walk(world, |p| p.plain_fields.clone())),
            ] {
                prop_assert_eq!(&found.value, &walked.value.unwrap_or_default());
                prop_assert_eq!(&found.from, &walked.from);
            }
            // The rules that are made once and kept are those of this place.
            let Some(kind) = kind else { continue };
            let rules = policies.rules(path.iter(), &kind);
            for event_type in EventType::ALL {
                let custom = id("p");
                let among = |types: &Option<Vec<Id>>| types.as_ref().is_none_or(|t| t.contains(&custom));
                let types = found.event_types.value.as_ref();
                let is_type = found.recorded.value && types.is_none_or(|t| t.contains(event_type));
                prop_assert_eq!(rules.records(*event_type, None), is_type);
                prop_assert_eq!(
                    rules.records(*event_type, Some(&custom)),
                    is_type && among(&found.custom_types.value)
                );
            }
            let context = Context { url: Some("?pin=1".to_owned()), ..Context::default() };
            let is_masked = rules.keep(&[], &context).url.unwrap() != "?pin=1";
            prop_assert_eq!(is_masked, found.mask_secrets.value);
        }
    }

    #[test]
    fn what_is_stored_reads_back(policy in policies()) {
        prop_assert_eq!(Policy::from_json(&policy.to_json()), Some(policy));
    }
}
