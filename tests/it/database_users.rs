//! Which users of PostgreSQL may migrate and serve, and what the others are told. Roles are a whole server's,
//! so each test has one of its own.

use sea_orm::DatabaseConnection;

use crate::support::binary::Installation;
use crate::support::postgres::Temporary;
use crate::support::{On, TestDatabase, direct};

async fn postgres() -> (Temporary, DatabaseConnection) {
    let postgres = tokio::task::spawn_blocking(|| Temporary::start(60)).await.unwrap();
    let admin = direct::connect(&format!("{}/postgres", postgres.base())).await;
    (postgres, admin)
}

fn installation(postgres: &Temporary, user: &str, database: &str) -> Installation {
    let url = postgres.base().replace("auditlog@", &format!("{user}@"));
    Installation::over(TestDatabase::at(On::Postgres, format!("{url}/{database}")))
}

/// Holds that the log is written and read.
async fn serves(installation: &Installation) {
    let ann = installation.set_up();
    let server = installation.command(&["serve", "--listen", "127.0.0.1:0"]).serving();
    let (status, answer) = server.graphql(&ann, "{ auditLog { total_count } }").await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["data"]["auditLog"]["total_count"].as_u64() >= Some(3), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_may_make_no_roles_is_told_what_an_administrator_is_to_run() {
    let (postgres, admin) = postgres().await;
    direct::run(&admin, "CREATE ROLE plain LOGIN").await;
    direct::run(&admin, "CREATE DATABASE plain_s OWNER plain").await;
    let plain = installation(&postgres, "plain", "plain_s");
    let message = plain.run(&["migrate"]).failed();
    let (make, grant) = ("CREATE ROLE auditlog_reader NOLOGIN", "GRANT auditlog_reader TO plain");
    assert!(
        message
            .contains(&format!("may not create roles: let an administrator run {make}; {grant}")),
        "{message}"
    );
    direct::run(&admin, make).await;
    let message = plain.run(&["migrate"]).failed();
    assert!(
        message.contains(&format!("somebody else made: let an administrator run {grant}")),
        "{message}"
    );
    direct::run(&admin, grant).await;
    plain.done(&["migrate"]);
    serves(&plain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_own_the_schema_is_told_what_its_owner_is_to_run() {
    let (postgres, admin) = postgres().await;
    direct::run(&admin, "CREATE ROLE auditlog_reader NOLOGIN").await;
    direct::run(&admin, "CREATE ROLE guest LOGIN; GRANT auditlog_reader TO guest").await;
    let url = postgres.new_database("lent").await;
    let lent = direct::connect(&url).await;
    direct::run(
        &lent,
        "CREATE SCHEMA \"the log\"; GRANT USAGE, CREATE ON SCHEMA \"the log\" TO guest;
        ALTER ROLE guest SET search_path = \"the log\"",
    )
    .await;
    let guest = installation(&postgres, "guest", "lent");
    let grant = "GRANT USAGE ON SCHEMA \"the log\" TO auditlog_reader";
    let message = guest.run(&["migrate"]).failed();
    assert!(message.contains(&format!("let its owner run {grant}")), "{message}");
    direct::run(&lent, grant).await;
    guest.done(&["migrate"]);
    serves(&guest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_with_a_schema_of_its_own_name_finds_its_tables_in_every_role() {
    let (postgres, admin) = postgres().await;
    direct::run(&admin, "CREATE ROLE \"own-er\" LOGIN CREATEROLE").await;
    let url = postgres.new_database("shared").await;
    let shared = direct::connect(&url).await;
    direct::run(&shared, "CREATE SCHEMA \"own-er\" AUTHORIZATION \"own-er\"").await;
    let owner = installation(&postgres, "own-er", "shared");
    owner.done(&["migrate"]);
    let tables = "SELECT DISTINCT schemaname::text FROM pg_tables WHERE tablename LIKE 'audit%'";
    assert_eq!(direct::texts(&shared, tables).await, ["own-er"]);
    serves(&owner).await;
}
