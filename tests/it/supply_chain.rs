//! What the server is built from: licences, sources and bans by the lists of `.deny.toml`, which
//! `cargo deny` reads too where it is installed, and no unsafe code of our own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What `.deny.toml` allows and denies.
struct Policy {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
}

impl Policy {
    fn read() -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join(".deny.toml")).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        for kind in ["unknown-registry", "unknown-git"] {
            assert_eq!(table["sources"][kind].as_str(), Some("deny"));
        }
        let list = |section: &str, name: &str| table[section][name].as_array().unwrap().clone();
        let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
        Self {
            licences: list("licenses", "allow").iter().map(text).collect(),
            banned: list("bans", "deny").iter().map(|ban| text(&ban["crate"])).collect(),
        }
    }

    /// What is wrong with a package.
    fn problems(&self, name: &str, licence: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if licence.is_empty() {
            problems.push(format!("{name} names no licence"));
        } else if !is_allowed(licence, &self.licences) {
            problems.push(format!("{name} has the licence {licence}, which is not allowed"));
        }
        if self.banned.contains(name) {
            problems.push(format!("{name} is banned"));
        }
        problems
    }
}

/// Whether an SPDX expression leaves a choice of licences that are all allowed. `/` is an old `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let fits = any(&mut rest, allowed);
    assert!(rest.is_empty(), "{expression} is no expression");
    fits
}

fn any(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut fits = all(words, allowed);
    while take(words, "OR") {
        fits |= all(words, allowed);
    }
    fits
}

fn all(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut fits = one(words, allowed);
    while take(words, "AND") {
        fits &= one(words, allowed);
    }
    fits
}

fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    if take(words, "(") {
        let fits = any(words, allowed);
        assert!(take(words, ")"), "a parenthesis is open");
        return fits;
    }
    let (licence, rest) = words.split_first().expect("a licence");
    *words = rest;
    let mut licence = (*licence).to_owned();
    if take(words, "WITH") {
        let (exception, rest) = words.split_first().expect("an exception");
        *words = rest;
        licence = format!("{licence} WITH {exception}");
    }
    allowed.contains(&licence)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

/// What cargo says; everything that it needs is there, for this has been built.
fn cargo(arguments: &[&str]) -> String {
    let offline = ["--locked", "--offline"];
    let output =
        Command::new(env!("CARGO")).args(arguments).args(offline).current_dir(ROOT).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages of this machine's build, with their licences. The lock names more, of features that
/// are off and of other platforms.
fn built() -> BTreeSet<(String, String)> {
    let tree = cargo(&["tree", "--workspace", "--prefix", "none", "--format", "{p}\t{l}"]);
    let lines = tree.lines().filter_map(|line| line.split_once('\t'));
    let licence = |rest: &str| rest.trim_end_matches(" (*)").to_owned();
    lines
        .map(|(package, rest)| (package.split(' ').next().unwrap().to_owned(), licence(rest)))
        .collect()
}

#[test]
fn licences_and_bans_are_held_to() {
    let (policy, built) = (Policy::read(), built());
    assert!(built.len() > 200, "{}", built.len());
    let problems = built.iter().flat_map(|(name, licence)| policy.problems(name, licence));
    assert_eq!(problems.collect::<Vec<_>>(), [""; 0]);
}

/// On every platform, and with every feature: the lock knows them all.
#[test]
fn every_locked_package_comes_from_the_registry_with_its_checksum() {
    let lock = fs::read_to_string(Path::new(ROOT).join("Cargo.lock")).unwrap();
    let lock: toml::Table = toml::from_str(&lock).unwrap();
    let ours = ["auditlog", "migration"];
    for package in lock["package"].as_array().unwrap() {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let name = text("name").unwrap();
        if ours.contains(&name) {
            assert_eq!(text("source"), None, "{name}");
            continue;
        }
        assert_eq!(text("source"), Some(REGISTRY), "{name}");
        assert!(text("checksum").is_some_and(|checksum| checksum.len() == 64), "{name}");
    }
}

#[test]
fn every_crate_of_ours_forbids_unsafe_code() {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let members = metadata["workspace_members"].as_array().unwrap();
    let ours = metadata["packages"].as_array().unwrap().iter();
    let ours = ours.filter(|package| members.contains(&package["id"]));
    let targets = ours.flat_map(|package| package["targets"].as_array().unwrap());
    let roots: Vec<_> = targets.map(|target| target["src_path"].as_str().unwrap()).collect();
    assert!(roots.len() >= 5, "{roots:?}");
    for root in roots {
        let code = fs::read_to_string(root).unwrap();
        assert!(code.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{root}");
    }
}

#[test]
fn the_checker_sees_what_it_should() {
    let policy = Policy::read();
    for licence in [
        "MIT",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only/MIT",
        "(MIT OR GPL-3.0-only) AND ISC",
        "Apache-2.0 WITH LLVM-exception",
        "GPL-2.0-only OR ISC AND (Apache-2.0 OR ISC) AND MIT",
    ] {
        assert_eq!(policy.problems("one", licence), [""; 0], "{licence}");
    }
    for licence in [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT AND (GPL-3.0-only OR AGPL-3.0-only)",
        "Apache-2.0 WITH Classpath-exception-2.0",
        "LicenseRef-Proprietary",
    ] {
        assert_eq!(policy.problems("one", licence).len(), 1, "{licence}");
    }
    assert_eq!(policy.problems("one", ""), ["one names no licence"]);
    assert_eq!(policy.problems("rsa", "MIT"), ["rsa is banned"]);
}
