//! GraphQL over HTTP, as its working group's own audits see it.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::On;
use crate::support::binary::Installation;

/// How many audits there are in the version that is locked.
const AUDITS: usize = 61;

on_both!(every_audit_of_graphql_over_http_is_ok);

async fn every_audit_of_graphql_over_http_is_ok(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    let server = installation.command(&["serve", "--listen", "127.0.0.1:0"]).serving();
    install();
    let mut audit = Command::new("node");
    audit.args(["audit.mjs", &format!("{}/graphql", server.url)]).env("AUDITLOG_API_KEY", key);
    let output = run(audit);
    let audits: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    assert!(failed.is_empty(), "not ok: {failed:#?}");
    assert_eq!(audits.len(), AUDITS);
}

/// Installs the locked package. Two tests at once would write into each other's files.
fn install() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        run(npm);
    });
}

/// Runs a program in the folder of the audits, which must succeed; what it printed.
fn run(mut command: Command) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/graphql-http");
    let Output { status, stdout, stderr } =
        command.current_dir(folder).output().unwrap_or_else(|error| {
            panic!("{command:?}: {error}: install Node.js with npm (Debian: nodejs npm)")
        });
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
