//! Settings: a flag, else the environment, else the file, else the default; errors that name the
//! setting and show no secret.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use crate::support::On;
use crate::support::binary::{Installation, Run, Server};

const SECRET: &str = "one-secret-of-thirty-two-bytes-or-more";
const ANOTHER: &str = "another-secret-of-thirty-two-bytes-or-more";

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    let installation = Installation::bare();
    let created = || {
        let names = ["auditlog.db", "file.db", "environment.db", "flag.db"];
        names.into_iter().filter(|name| installation.path(name).exists()).collect::<Vec<_>>()
    };
    installation.done(&["migrate"]);
    assert_eq!(created(), ["auditlog.db"]);

    installation.write("auditlog.toml", "database_url = \"sqlite://file.db\"\n");
    installation.done(&["migrate"]);
    assert_eq!(created(), ["auditlog.db", "file.db"]);

    let with_environment = |arguments: &[&str]| {
        let command = installation.command(arguments);
        command.env("AUDITLOG_DATABASE_URL", "sqlite://environment.db").run().exited(0);
    };
    with_environment(&["migrate"]);
    assert_eq!(created(), ["auditlog.db", "file.db", "environment.db"]);

    with_environment(&["migrate", "--database-url", "sqlite://flag.db"]);
    assert_eq!(created(), ["auditlog.db", "file.db", "environment.db", "flag.db"]);
}

#[test]
fn listen_comes_from_the_flag_the_environment_or_the_file() {
    let installation = Installation::bare();
    // All are taken: the error says which one was wanted.
    let taken = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [flag, environment, file] =
        taken.each_ref().map(|taken| taken.local_addr().unwrap().to_string());
    let wants = |run: Run, address: &str| {
        let error = run.run().failed();
        assert!(error.contains(&format!("listen {address}:")), "{error}");
    };
    // Another program may have the default's port; then it is taken too.
    let _taken = TcpListener::bind("127.0.0.1:8080");
    wants(installation.command(&["serve"]), "127.0.0.1:8080");
    installation.write("auditlog.toml", format!("listen = \"{file}\"\n"));
    wants(installation.command(&["serve"]), &file);
    let with_environment =
        |arguments: &[&str]| installation.command(arguments).env("AUDITLOG_LISTEN", &environment);
    wants(with_environment(&["serve"]), &environment);
    wants(with_environment(&["serve", "--listen", &flag]), &flag);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_secret_comes_from_the_flag_the_environment_or_the_file() {
    let installation = Installation::bare();
    installation.set_up();
    let listen = ["--listen", "127.0.0.1:0"];
    let serve =
        |arguments: &[&str]| installation.command(&[&["serve"], &listen[..], arguments].concat());
    let third = SECRET.repeat(2);
    installation.write("auditlog.toml", format!("jwt_secret = \"{SECRET}\"\n"));
    let trusts = async |server: Server, secret: &str| {
        for candidate in [SECRET, ANOTHER, &third] {
            let (status, _) = server.graphql(&token(candidate), "{ viewer { user { id } } }").await;
            assert_eq!(status == 200, candidate == secret, "{candidate}");
        }
    };
    trusts(serve(&[]).serving(), SECRET).await;
    let environment = serve(&[]).env("AUDITLOG_JWT_SECRET", ANOTHER);
    trusts(environment.serving(), ANOTHER).await;
    let flag = serve(&["--jwt-secret", &third]).env("AUDITLOG_JWT_SECRET", ANOTHER);
    trusts(flag.serving(), &third).await;
}

fn token(secret: &str) -> String {
    let claims = json!({"sub": "ann", "exp": 4_102_444_800_u32});
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

#[test]
fn a_named_settings_file_is_read_and_must_be_there() {
    let installation = Installation::bare();
    installation.write("other.toml", "database_url = \"sqlite://other.db\"\n");
    installation.done(&["migrate", "--config", "other.toml"]);
    assert!(installation.path("other.db").exists());
    installation.write("another.toml", "database_url = \"sqlite://another.db\"\n");
    installation.command(&["migrate"]).env("AUDITLOG_CONFIG", "another.toml").run().exited(0);
    assert!(installation.path("another.db").exists());
    assert!(!installation.path("auditlog.db").exists());

    let ran = installation.run(&["migrate", "--config", "missing.toml"]).exited(2);
    assert!(ran.stderr.contains("missing.toml"), "{}", ran.stderr);
}

#[test]
fn a_settings_file_that_cannot_be_used_is_wrong_usage_and_says_why() {
    let installation = Installation::bare();
    for (content, named) in [
        ("listne = \"127.0.0.1:0\"", "listne"),
        ("[listen]\nport = 1", "listen"),
        ("listen = 8080", "listen"),
        ("no_migrate = true", "no_migrate"),
        ("listen = \"nonsense\"", "listen"),
        ("this is no TOML", "auditlog.toml"),
        ("log = \"=\"", "log"),
    ] {
        installation.write("auditlog.toml", content);
        let ran = installation.run(&["serve"]).exited(2);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(named), "{}", ran.stderr);
    }
    assert!(!installation.path("auditlog.db").exists(), "nothing was begun");
}

#[test]
fn a_setting_that_cannot_be_used_is_wrong_usage_and_is_named() {
    let installation = Installation::bare();
    let cases: [(&[&str], &str); 6] = [
        (&["--listen", "nonsense"], "listen"),
        (&["--listen", "localhost:8080"], "listen"),
        (&["--listen", "127.0.0.1"], "listen"),
        (&["--listen", "127.0.0.1:70000"], "listen"),
        (&["--jwt-secret", SECRET, "--jwt-jwks-file", "keys.json"], "jwt_jwks_file"),
        (&["--jwt-jwks-url", "https://example.com", "--jwt-jwks-file", "k.json"], "jwt_jwks_url"),
    ];
    for (arguments, named) in cases {
        let ran = installation.run(&[&["serve"], arguments].concat()).exited(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(named), "{}", ran.stderr);
        assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
    }
    // From different places, too, two sources of keys are one too many.
    installation.write("auditlog.toml", "jwt_jwks_file = \"keys.json\"\n");
    let ran = installation.command(&["serve"]).env("AUDITLOG_JWT_SECRET", SECRET).run().exited(2);
    assert!(ran.stderr.contains("jwt_secret"), "{}", ran.stderr);
}

#[test]
fn keys_for_tokens_that_cannot_be_used_stop_the_start() {
    let installation = Installation::bare();
    installation.write("empty.json", "{\"keys\": []}");
    let short = "x".repeat(31);
    let cases: [(&[&str], &str); 3] = [
        (&["--jwt-secret", &short], "jwt_secret must have at least 32 bytes"),
        (&["--jwt-jwks-file", "missing.json"], "jwt_jwks_file missing.json"),
        (&["--jwt-jwks-file", "empty.json"], "jwt_jwks_file empty.json"),
    ];
    for (arguments, message) in cases {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let ran = installation.run(&[&serve[..], arguments].concat());
        assert!(!ran.status.success() && ran.stdout.is_empty(), "{ran:?}");
        assert!(ran.stderr.contains(message) && !ran.stderr.contains(&short), "{}", ran.stderr);
    }
    let enough = "x".repeat(32);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--jwt-secret", &enough];
    installation.command(&serve).serving();
}

#[test]
fn help_shows_no_secret_of_the_environment() {
    let installation = Installation::bare();
    let help = installation
        .command(&["serve", "--help"])
        .env("AUDITLOG_JWT_SECRET", SECRET)
        .env("AUDITLOG_DATABASE_URL", "postgres://user:hunter2@example.com/auditlog")
        .run()
        .exited(0);
    assert!(!help.stdout.contains(SECRET) && !help.stdout.contains("hunter2"), "{}", help.stdout);
}

#[test]
fn a_database_url_that_cannot_be_used_is_named_and_its_password_is_not_shown() {
    let installation = Installation::bare();
    for url in [
        "mysql://user:hunter2@127.0.0.1/auditlog",
        "user:hunter2@127.0.0.1/auditlog",
        "postgres://user:hunter2@127.0.0.1:99999/auditlog",
        "postgres://user:hunter2#@127.0.0.1/auditlog",
        "postgres://user:hunter2@[127.0.0.1/auditlog",
        "postgres://user:hunter2@127.0.0.1/auditlog?sslmode=hunter2",
        "sqlite::memory:",
        "sqlite://auditlog.db?mode=nonsense",
    ] {
        let ran = installation.run(&["migrate", "--database-url", url]);
        assert!(!ran.status.success() && ran.stdout.is_empty(), "{url}: {ran:?}");
        assert!(ran.stderr.starts_with("error: database_url"), "{url}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{url}: {}", ran.stderr);
    }
}

#[test]
fn a_database_server_that_does_not_answer_is_an_error_without_the_password() {
    let installation = Installation::bare();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://auditlog:hunter2@127.0.0.1:{port}/auditlog");
    let commands = [&["migrate"][..], &["serve"], &["api-key", "create", "--user", "ann"]];
    // Beside each other: each waits a while for the server to come up.
    let started = commands.map(|command| {
        installation.command(&[command, &["--database-url", &url]].concat()).start()
    });
    for running in started {
        let error = running.ended().failed();
        assert!(error.contains("database_url") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_password_that_the_database_server_refuses_is_an_error_without_it() {
    let installation = Installation::bare();
    let (port, server) = refusing_server();
    let url = format!("postgres://auditlog:hunter2@127.0.0.1:{port}/auditlog?sslmode=disable");
    let error = installation.run(&["migrate", "--database-url", &url]).failed();
    assert!(error.contains("password authentication failed"), "{error}");
    assert!(error.contains("database_url") && !error.contains("hunter2"), "{error}");
    assert!(server.join().unwrap().contains("hunter2"), "the password was not even sent");
}

/// What speaks PostgreSQL's protocol just long enough to ask for a password and refuse it: the
/// tests' own server trusts everybody. Returns what it was sent.
fn refusing_server() -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        let mut buffer = [0; 1024];
        let mut receive = |connection: &mut std::net::TcpStream| {
            let length = connection.read(&mut buffer).unwrap();
            received.extend_from_slice(&buffer[..length]);
        };
        receive(&mut connection);
        // AuthenticationCleartextPassword
        connection.write_all(b"R\0\0\0\x08\0\0\0\x03").unwrap();
        receive(&mut connection);
        let refusal = b"SFATAL\0VFATAL\0C28P01\0\
                        Mpassword authentication failed for user \"auditlog\"\0\0";
        let length = u32::try_from(refusal.len() + 4).unwrap().to_be_bytes();
        connection.write_all(&[b"E", &length[..], refusal].concat()).unwrap();
        String::from_utf8_lossy(&received).into_owned()
    });
    (port, thread)
}

#[test]
fn the_log_goes_to_standard_error_as_much_as_is_asked_for() {
    let installation = Installation::bare();
    let said = |filter: &str| {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--log", filter];
        let server = installation.command(&serve).serving();
        server.signal("TERM");
        server.ended().exited(0).stderr
    };
    assert!(said("info").contains("stopping"));
    assert_eq!(said("warn"), "");
    // Colours are for terminals.
    assert!(!said("trace").contains('\x1b'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_a_setting_like_the_others() {
    let installation = Installation::new(On::Sqlite).await;
    let key = installation.set_up();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let may_have = async |server: Server, most: usize| {
        for (fields, taken) in [(most, true), (most + 1, false)] {
            let query = format!("{{{}}}", "__typename ".repeat(fields));
            let (_, answer) = server.graphql(&key, &query).await;
            assert_eq!(answer.get("errors").is_none(), taken, "{fields}: {answer}");
        }
    };
    may_have(installation.command(&serve).serving(), 50).await;
    installation.write("auditlog.toml", "max_root_fields = 2\n");
    may_have(installation.command(&serve).serving(), 2).await;
    let environment = || installation.command(&serve).env("AUDITLOG_MAX_ROOT_FIELDS", "3");
    may_have(environment().serving(), 3).await;
    let flag = [&serve[..], &["--max-root-fields", "4"]].concat();
    let flag = installation.command(&flag).env("AUDITLOG_MAX_ROOT_FIELDS", "3");
    may_have(flag.serving(), 4).await;
}

#[test]
fn a_limit_that_cannot_be_kept_is_wrong_usage_and_is_named() {
    let installation = Installation::bare();
    let refused = |run: Run, said: &str| {
        let stderr = run.run().exited(2).stderr;
        assert!(stderr.starts_with("error: ") && stderr.contains(said), "{stderr}");
    };
    refused(
        installation.command(&["serve", "--max-depth", "65"]),
        "max_depth must be from 16 to 64, not 65",
    );
    refused(installation.command(&["serve", "--max-depth", "deep"]), "--max-depth");
    let environment = installation.command(&["serve"]).env("AUDITLOG_MAX_DEPTH", "-1");
    refused(environment, "--max-depth");
    for (content, said) in [
        ("max_depth = 15", "max_depth must be from 16 to 64, not 15"),
        ("max_depth = \"20\"", "max_depth must be a whole number from 16 to 64"),
        ("max_depth = -20", "max_depth must be a whole number from 16 to 64"),
        ("max_dept = 20", "there is no setting max_dept"),
    ] {
        installation.write("auditlog.toml", content);
        refused(installation.command(&["serve"]), said);
    }
}
