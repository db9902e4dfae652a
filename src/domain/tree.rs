//! A tenant's tree of organizations.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::id::Id;

/// The organizations from the root down to one, as an event remembers them: their ids, each between
/// newlines, which no id holds. It can be searched as text for any one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// The path through these, from the root down.
    pub fn new<'a>(ids: impl IntoIterator<Item = &'a Id>) -> Self {
        let mut text = String::from("\n");
        for id in ids {
            text.push_str(id.as_str());
            text.push('\n');
        }
        Self(text)
    }

    /// The stored form, read back.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The ids, from the root down.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.split('\n').filter(|id| !id.is_empty())
    }

    /// What the stored form of every path through an organization holds, and of no other path.
    pub fn part(id: &Id) -> String {
        format!("\n{id}\n")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which organization is below which, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    parents: HashMap<Id, Option<Id>>,
    children: HashMap<Id, Vec<Id>>,
}

impl Tree {
    /// The tree in which each organization has this parent; the root has none.
    pub fn new(parents: impl IntoIterator<Item = (Id, Option<Id>)>) -> Self {
        let parents: HashMap<Id, Option<Id>> = parents.into_iter().collect();
        let mut children: HashMap<Id, Vec<Id>> = HashMap::new();
        for (id, parent) in &parents {
            if let Some(parent) = parent {
                children.entry(parent.clone()).or_default().push(id.clone());
            }
        }
        Self { parents, children }
    }

    /// How many organizations there are.
    pub fn size(&self) -> usize {
        self.parents.len()
    }

    /// Whether an organization is in it.
    pub fn contains(&self, id: &Id) -> bool {
        self.parents.contains_key(id)
    }

    /// Those of some organizations that are in the tree, and all that are below them; sorted, each
    /// once.
    pub fn below(&self, roots: &[Id]) -> Vec<Id> {
        let mut found: BTreeSet<&Id> = BTreeSet::new();
        let mut next: Vec<&Id> = roots.iter().filter(|id| self.contains(id)).collect();
        while let Some(id) = next.pop() {
            if found.insert(id) {
                next.extend(self.children.get(id).into_iter().flatten());
            }
        }
        found.into_iter().cloned().collect()
    }

    /// Whether an organization and those below it are so many or more.
    pub fn has_so_many(&self, id: &Id, count: usize) -> bool {
        let mut found = 0;
        let mut next: Vec<&Id> = self.contains(id).then_some(id).into_iter().collect();
        while let Some(id) = next.pop() {
            found += 1;
            let children = self.children.get(id).map_or(&[][..], Vec::as_slice);
            if found + next.len() + children.len() >= count {
                return true;
            }
            next.extend(children);
        }
        found >= count
    }

    /// Some organizations, as those that are to be taken with all that is below them, and those that are
    /// then to be left out with all that is below them. Both are few where whole subtrees are meant.
    pub fn bounds<'a>(&'a self, ids: &[Id]) -> (Vec<&'a Id>, Vec<&'a Id>) {
        let is_in = |id: &Id| ids.binary_search(id).is_ok();
        let (mut taken, mut left_out) = (Vec::new(), Vec::new());
        for id in ids {
            let Some((id, parent)) = self.parents.get_key_value(id) else { continue };
            if !parent.as_ref().is_some_and(is_in) {
                taken.push(id);
            }
            let children = self.children.get(id).into_iter().flatten();
            left_out.extend(children.filter(|child| !is_in(child)));
        }
        (taken, left_out)
    }

    /// An organization and all that are above it, from itself up to the root; nothing for one that
    /// is not in the tree.
    pub fn upward<'a>(&'a self, id: &'a Id) -> impl Iterator<Item = &'a Id> {
        let start = self.contains(id).then_some(id);
        std::iter::successors(start, |id| self.parents.get(*id).and_then(Option::as_ref))
    }

    /// Of some organizations, the one that is nearest to the root; the first by id where several are.
    pub fn topmost<'a>(&self, ids: impl IntoIterator<Item = &'a Id>) -> Option<&'a Id> {
        let known = ids.into_iter().filter(|id| self.contains(id));
        known.min_by_key(|id| (self.upward(id).count(), *id))
    }

    /// The lowest organization that is above all of these, or is the only one; none for none.
    pub fn meeting<'a>(&'a self, ids: impl IntoIterator<Item = &'a Id>) -> Option<&'a Id> {
        let mut ids = ids.into_iter().filter(|id| self.contains(id));
        let first: Vec<&Id> = self.upward(ids.next()?).collect();
        let above_all = ids.fold(first, |shared, id| {
            let above: Vec<&Id> = self.upward(id).collect();
            shared.into_iter().filter(|id| above.contains(id)).collect()
        });
        above_all.into_iter().next()
    }

    /// The path to an organization; none for one that is not in the tree.
    pub fn path(&self, id: &Id) -> Option<Path> {
        let mut ids: Vec<&Id> = self.upward(id).collect();
        ids.reverse();
        (!ids.is_empty()).then(|| Path::new(ids))
    }
}
