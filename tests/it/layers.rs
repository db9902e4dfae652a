//! The map in `src/lib.rs`, held: imports point down, and each foreign crate is known to one layer.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module at the top of `src`, and which of the others it may say.
const LAYERS: [(&str, &[&str]); 16] = [
    ("main", &["cli"]),
    (
        "cli",
        &[
            "config",
            "demo",
            "http",
            "graphql",
            "ingest",
            "notes",
            "admin",
            "retention",
            "auth",
            "store",
            "domain",
            "error",
        ],
    ),
    (
        "http",
        &["graphql", "export", "ingest", "notes", "admin", "auth", "store", "domain", "error"],
    ),
    (
        "graphql",
        &["ingest", "notes", "admin", "reads", "export", "auth", "store", "domain", "error"],
    ),
    ("ingest", &["auth", "store", "domain", "error"]),
    ("notes", &["admin", "store", "domain", "error"]),
    ("admin", &["auth", "store", "domain", "error"]),
    ("reads", &["store", "domain", "error"]),
    ("export", &["domain"]),
    ("retention", &["store", "domain", "error"]),
    ("config", &["http", "auth", "domain", "error"]),
    ("auth", &["store", "domain", "error"]),
    ("store", &["domain", "error"]),
    ("domain", &["error"]),
    ("error", &[]),
    ("demo", &[]),
];

/// Foreign words, and the only modules that may say them.
const WORDS: [(&str, &[&str]); 13] = [
    ("sea_orm", &["store"]),
    ("sqlx", &["store"]),
    ("sea_orm_migration", &[]),
    ("async_graphql", &["graphql"]),
    ("async_graphql_value", &["graphql"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    // Whoever else has a part in a trace says so by a span of `tracing`.
    ("opentelemetry", &["cli", "http"]),
    ("opentelemetry_sdk", &["cli", "http"]),
    ("opentelemetry_otlp", &["cli"]),
    ("tracing_opentelemetry", &["cli", "http"]),
    // Time is a parameter. (`Instant`, which only measures, is nobody's concern.)
    ("SystemTime", &["cli"]),
];

/// The modules that wait for nothing.
const PURE: [&str; 3] = ["domain", "error", "demo"];

const CLOCKS: [&str; 2] = ["Utc", "Local"];
const MAX_LINES: usize = 600;

/// What breaks a rule in the code of one file of `src`, as `file:line: rule`.
fn violations(file: &str, code: &str) -> Vec<String> {
    let modules = modules(file);
    let top = modules.first().map_or("lib", |module| module.as_str());
    let mut found = Vec::new();
    let mut report = |line: usize, rule: String| found.push(format!("src/{file}:{line}: {rule}"));
    let may = LAYERS.iter().find(|(layer, _)| *layer == top).map(|(_, may)| *may);
    if may.is_none() && top != "lib" {
        report(1, format!("`{top}` has no layer yet: give it one in tests/it/layers.rs"));
    }
    let tokens = tokens(code);
    let words: Vec<&str> = tokens.iter().map(|(_, word)| word.as_str()).collect();
    for (at, named) in names_at_the_root(&words, modules.len()) {
        let is_module = LAYERS.iter().any(|(layer, _)| *layer == named);
        if is_module && named != top && !may.is_some_and(|may| may.contains(&named)) {
            report(
                tokens[at].0,
                format!("`{top}` must not say `crate::{named}`: imports point down"),
            );
        }
    }
    for (i, (line, word)) in tokens.iter().enumerate() {
        if let Some((_, who)) = WORDS.iter().find(|(foreign, _)| foreign == word)
            && !who.contains(&top)
        {
            report(*line, format!("`{top}` must not say `{word}`; who may: {who:?}"));
        }
        if word == "tokio" && PURE.contains(&top) {
            report(*line, format!("`{top}` must not say `tokio`: it is pure"));
        }
        let now = CLOCKS.contains(&word.as_str()) && words[i + 1..].starts_with(&["::", "now"]);
        if now && top != "cli" {
            report(*line, format!("`{top}` must not read the clock: take a `domain::time::Clock`"));
        }
        if words[i..].starts_with(&["cfg", "(", "test", ")"]) {
            report(*line, "tests are in tests/it: this one would never run".to_owned());
        }
    }
    found
}

/// The modules a file of `src` is, from the top: `store/entity/user.rs` is `store`, `entity`, `user`.
fn modules(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|module| *module != "lib").map(str::to_owned).collect()
}

/// The modules at the top of the crate that paths name, each with its token's index: after `crate::`,
/// `auditlog::`, or as many `super::` as lead up to the root; one or a group.
fn names_at_the_root<'a>(words: &[&'a str], depth: usize) -> Vec<(usize, &'a str)> {
    let mut names = Vec::new();
    for i in 0..words.len() {
        let starts_inside = i >= 2 && words[i - 1] == "::" && words[i - 2] == "super";
        let supers = words[i..].chunks(2).take_while(|pair| *pair == ["super", "::"]).count();
        let rest = match words[i] {
            "crate" | "auditlog" if words[i + 1..].first() == Some(&"::") => i + 2,
            "super" if !starts_inside && supers == depth => i + 2 * supers,
            _ => continue,
        };
        match words.get(rest) {
            Some(&"{") => {
                let mut nesting = 0;
                for (at, word) in words.iter().enumerate().skip(rest) {
                    match *word {
                        "{" => nesting += 1,
                        "}" => nesting -= 1,
                        name if nesting == 1 && matches!(words[at - 1], "{" | ",") => {
                            names.push((at, name));
                        }
                        _ => {}
                    }
                    if nesting == 0 {
                        break;
                    }
                }
            }
            Some(name) => names.push((rest, name)),
            None => {}
        }
    }
    names
}

/// Rust code as words and signs, each with its line; comments and literals are left out.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens: Vec<(usize, String)> = Vec::new();
    let (mut rest, mut line) = (code, 1);
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
        let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r').unwrap_or_default();
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if raw[hashes..].starts_with('"') {
            let start = rest.len() - raw.len() + hashes + 1;
            let end = format!("\"{}", "#".repeat(hashes));
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && !is_lifetime(rest) {
            quoted(rest, '\'')
        } else if word > 0 {
            tokens.push((line, rest[..word].to_owned()));
            word
        } else {
            let sign = if rest.starts_with("::") { "::" } else { &rest[..first.len_utf8()] };
            if !first.is_whitespace() {
                tokens.push((line, sign.to_owned()));
            }
            sign.len()
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of a literal with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = true;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_lifetime(text: &str) -> bool {
    let mut after = text.chars().skip(1);
    after.next().is_some_and(|c| c != '\\') && after.next() != Some('\'')
}

/// The Rust files below a folder of the project, by their path in it.
fn files(folder: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, paths);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.push(path);
            }
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    collect(&folder, &mut paths);
    paths.sort();
    assert!(!paths.is_empty());
    let name = |path: &Path| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn imports_point_down() {
    let files = files("src");
    let found: Vec<_> = files.iter().flat_map(|(file, code)| violations(file, code)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn migration_knows_nothing_of_the_server() {
    for (file, code) in files("migration") {
        for (line, word) in tokens(&code) {
            assert_ne!(word, "auditlog", "migration/{file}:{line}: migrations outlive the code");
        }
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    assert!(!manifest.contains("auditlog"), "migration/Cargo.toml: it depends on auditlog");
}

#[test]
fn no_file_is_longer_than_somebody_wants_to_read() {
    for folder in ["src", "tests", "migration"] {
        for (file, text) in files(folder) {
            let lines = text.lines().count();
            assert!(lines <= MAX_LINES, "{folder}/{file}: {lines} lines, at most {MAX_LINES}");
        }
    }
}

#[test]
fn the_checker_finds_what_is_planted() {
    let planted = [
        ("domain/diff.rs", "use crate::store::Store;", "`domain` must not say `crate::store`"),
        ("store/events.rs", "use crate::{\n  domain::id::Id,\n\n ingest};", ":4: `store` must not"),
        ("store/events.rs", "use crate::{domain::{id, http}, error, http::x};", "`crate::http`"),
        ("store/entity/user.rs", "use super::super::super::graphql;", "`crate::graphql`"),
        ("ingest.rs", "use super::{error::Error, http};", "`crate::http`"),
        ("store/mod.rs", "use super::auth;", "`crate::auth`"),
        ("auth/mod.rs", "fn f() { crate::admin::create() }", "`crate::admin`"),
        ("ingest.rs", "pub use crate :: admin :: Actor;", "`crate::admin`"),
        ("admin.rs", "use crate::ingest::Batch;", "`crate::ingest`"),
        ("error.rs", "\n\nuse crate::domain::id::Id;", "src/error.rs:3: `error` must not"),
        ("demo/world.rs", "use crate::domain::id::Id;", "`crate::domain`"),
        ("config.rs", "use crate::store::Store;", "`crate::store`"),
        ("http/mod.rs", "use crate::cli;", "`crate::cli`"),
        ("main.rs", "use auditlog::store::Store;", "`crate::store`"),
        ("deliver.rs", "", "`deliver` has no layer yet"),
        ("ingest.rs", "type T = sea_orm::DbErr;", "`ingest` must not say `sea_orm`"),
        ("cli/serve.rs", "use sqlx::Row;", "`sqlx`"),
        ("http/mod.rs", "use async_graphql::Value;", "`async_graphql`"),
        ("graphql/mod.rs", "use axum::Router;", "`axum`"),
        ("cli/serve.rs", "axum::serve(listener, router)", "`axum`"),
        ("domain/time.rs", "async fn f() { tokio::task::yield_now().await }", "`tokio`"),
        ("store/mod.rs", "let t = chrono::Utc::now();", "must not read the clock"),
        ("demo/mod.rs", "f(Local::now)", "must not read the clock"),
        ("http/mod.rs", "use std::time::{Duration, SystemTime};", "`SystemTime`"),
        ("domain/id.rs", "#[cfg(test)]\nmod tests {}", "this one would never run"),
        (
            "domain/id.rs",
            "const C: char = '\"'; use crate::http; const D: char = '\"';",
            "`crate::http`",
        ),
        ("domain/id.rs", "fn f<'a>(_: &'a str) { axum::f::<'a>() }", "`axum`"),
    ];
    for (file, code, rule) in planted {
        let found = violations(file, code);
        assert_eq!(found.len(), 1, "{code}: {found:?}");
        assert!(
            found[0].starts_with(&format!("src/{file}:")) && found[0].contains(rule),
            "{found:?}"
        );
    }
}

#[test]
fn the_checker_leaves_alone_what_is_allowed() {
    let fine = [
        ("domain/id.rs", "//! see [`crate::store`]\n/* axum */ // tokio\nuse std::fmt;"),
        (
            "domain/id.rs",
            r##"const A: &str = "crate::store \" axum"; const B: &str = r#"" axum "#;"##,
        ),
        ("domain/id.rs", "fn f<'a>(_: &'a str) -> char { '\\'' }"),
        ("domain/diff.rs", "use super::json::Json; use crate::error::Error;"),
        ("store/entity/user.rs", "use super::super::auth; use crate::domain;"),
        ("ingest.rs", "use crate::{auth::{graphql, http}, store::ingest};"),
        ("cli/mod.rs", "use crate::{config, demo, http}; fn f() { chrono::Utc::now() }"),
        ("config.rs", "use crate::auth::jwt;"),
        ("http/metrics.rs", "use std::time::Instant; fn f() { Instant::now() }"),
        ("lib.rs", "pub mod http; pub mod store;"),
    ];
    for (file, code) in fine {
        assert_eq!(violations(file, code), [""; 0], "{code}");
    }
}
