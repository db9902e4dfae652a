//! Settings: a flag, else the environment, else `auditlog.toml`, else the default. They are checked
//! once, here, and an error names the setting.

mod connections;
mod limits;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::auth::jwt::{self, KeySource};
use crate::domain::limits::Limits;
use crate::error::{Error, Result};
use crate::http::ConnectionLimits;

pub use limits::GivenLimits;

const DEFAULT_FILE: &str = "auditlog.toml";
const DEFAULT_DATABASE_URL: &str = "sqlite://auditlog.db";
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const DEFAULT_PURGE_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Longer than anything takes that the indexes are made for.
const DEFAULT_SLOW_QUERY: Duration = Duration::from_secs(1);
const DEFAULT_LOG: &str = "info,sea_orm_migration=warn,sqlx=warn";

/// Settings of every command.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Settings", next_display_order = 100)]
pub struct General {
    /// The database, as sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME
    /// [default: sqlite://auditlog.db]
    #[arg(long, global = true, value_name = "URL", env = "AUDITLOG_DATABASE_URL")]
    #[arg(hide_env_values = true)]
    pub database_url: Option<String>,

    /// What to write to the log, as a tracing filter: "warn", "auditlog=debug"
    /// [default: info]
    #[arg(long, global = true, value_name = "FILTER", env = "AUDITLOG_LOG")]
    pub log: Option<String>,

    /// A file of settings, named as the flags are with _ for - [default: auditlog.toml, if there]
    #[arg(long, global = true, value_name = "FILE", env = "AUDITLOG_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Settings of the commands that serve.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Settings", next_display_order = 200)]
pub struct Serving {
    /// Where to listen; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT", env = "AUDITLOG_LISTEN")]
    pub listen: Option<String>,

    /// Take JSON Web Tokens signed with this secret (HS256), of at least 32 bytes
    #[arg(long, value_name = "SECRET", env = "AUDITLOG_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// Take JSON Web Tokens signed by a key of this JSON Web Key Set (RS256, ES256, EdDSA)
    #[arg(long, value_name = "FILE", env = "AUDITLOG_JWT_JWKS_FILE")]
    pub jwt_jwks_file: Option<PathBuf>,

    /// The same, fetched from an https:// URL (or one of this machine), every ten minutes and when a
    /// token names a key that is not in it
    #[arg(long, value_name = "URL", env = "AUDITLOG_JWT_JWKS_URL")]
    pub jwt_jwks_url: Option<String>,

    /// The iss that JSON Web Tokens must have
    #[arg(long, value_name = "ISSUER", env = "AUDITLOG_JWT_ISSUER")]
    pub jwt_issuer: Option<String>,

    /// The aud that JSON Web Tokens must have
    #[arg(long, value_name = "AUDIENCE", env = "AUDITLOG_JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,

    /// How often what the tenants' plans do not keep is purged, as 90s, 15m, 6h or 1d; 0 or off for
    /// never [default: 1h]
    #[arg(long, value_name = "INTERVAL", env = "AUDITLOG_PURGE_INTERVAL")]
    pub purge_interval: Option<String>,

    /// Tell the server's log of reads that take so many milliseconds, by the names of their filters and
    /// with their plan's shape; 0 for none [default: 1000]
    #[arg(long, value_name = "NUMBER", env = "AUDITLOG_SLOW_QUERY_MILLISECONDS")]
    pub slow_query_milliseconds: Option<u64>,

    /// Send traces by OTLP over HTTP to the collector at this URL, such as http://localhost:4318
    #[arg(long, value_name = "URL", env = "AUDITLOG_OTLP_ENDPOINT", hide_env_values = true)]
    pub otlp_endpoint: Option<String>,

    /// What connections may take.
    #[command(flatten)]
    pub connections: connections::Connections,

    /// What a request may take.
    #[command(flatten)]
    pub limits: GivenLimits,
}

/// The same settings, as a file gives them.
#[derive(Clone, Default, Deserialize)]
struct File {
    database_url: Option<String>,
    log: Option<String>,
    listen: Option<String>,
    jwt_secret: Option<String>,
    jwt_jwks_file: Option<PathBuf>,
    jwt_jwks_url: Option<String>,
    jwt_issuer: Option<String>,
    jwt_audience: Option<String>,
    purge_interval: Option<String>,
    slow_query_milliseconds: Option<u64>,
    otlp_endpoint: Option<String>,
    #[serde(flatten)]
    connections: connections::Connections,
    /// Limits, and what is no setting.
    #[serde(flatten)]
    rest: BTreeMap<String, toml::Value>,
}

/// Settings that are checked. They are not to be printed: there are secrets in them.
#[derive(Clone)]
pub struct Settings {
    /// The database.
    pub database_url: String,
    /// What to write to the log.
    pub log: String,
    /// Where to listen.
    pub listen: SocketAddr,
    /// What to check JSON Web Tokens against; none are taken without it.
    pub jwt: Option<jwt::Settings>,
    /// How often to purge; never without it.
    pub purge_interval: Option<Duration>,
    /// From when on a read of the log is slow, and told of; none is without it.
    pub slow_query: Option<Duration>,
    /// Where to send traces; nowhere without it.
    pub otlp_endpoint: Option<String>,
    /// What connections may take.
    pub connections: ConnectionLimits,
    /// What a request may take.
    pub limits: Limits,
}

impl Settings {
    /// Reads the settings file and checks all that was given.
    pub fn load(general: General, serving: Serving) -> Result<Self> {
        let file = File::read(general.config.as_deref())?;
        let listen = serving.listen.or(file.listen);
        let listen = listen.as_deref().unwrap_or(DEFAULT_LISTEN);
        let secret = serving.jwt_secret.or(file.jwt_secret).map(KeySource::Secret);
        let key_file = serving.jwt_jwks_file.or(file.jwt_jwks_file).map(KeySource::File);
        let key_url = serving.jwt_jwks_url.or(file.jwt_jwks_url).map(KeySource::Url);
        let sources: Vec<KeySource> = [secret, key_file, key_url].into_iter().flatten().collect();
        if sources.len() > 1 {
            return Err(Error::bad_input(
                "give only one of jwt_secret, jwt_jwks_file and jwt_jwks_url",
            ));
        }
        let (issuer, audience) =
            (serving.jwt_issuer.or(file.jwt_issuer), serving.jwt_audience.or(file.jwt_audience));
        sources.iter().try_for_each(KeySource::check)?;
        let settings = |keys| jwt::Settings { keys, issuer, audience };
        let database_url = general
            .database_url
            .or(file.database_url)
            .unwrap_or_else(|| DEFAULT_DATABASE_URL.to_owned());
        Ok(Self {
            database_url,
            log: general.log.or(file.log).unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            listen: listen.parse().map_err(|_| {
                Error::bad_input(format!(
                    "listen must be an IP address and a port, such as 127.0.0.1:8080 or [::]:8080, not {listen:?}"
                ))
            })?,
            jwt: sources.into_iter().next().map(settings),
            purge_interval: match serving.purge_interval.or(file.purge_interval) {
                None => Some(DEFAULT_PURGE_INTERVAL),
                Some(text) => interval("purge_interval", &text)?,
            },
            slow_query: Some(
                serving
                    .slow_query_milliseconds
                    .or(file.slow_query_milliseconds)
                    .map_or(DEFAULT_SLOW_QUERY, Duration::from_millis),
            )
            .filter(|time| !time.is_zero()),
            otlp_endpoint: serving.otlp_endpoint.or(file.otlp_endpoint).map(collector).transpose()?,
            connections: serving.connections.or(file.connections)?,
            limits: serving.limits.or(&file.rest)?,
        })
    }
}

/// The address of a collector of traces. What is given is not shown: there may be a password in it.
fn collector(url: String) -> Result<String> {
    let known = reqwest::Url::parse(&url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    });
    match known {
        true => Ok(url),
        false => Err(Error::bad_input(
            "otlp_endpoint must be a URL that begins with http:// or https://, such as http://localhost:4318, without credentials (OTEL_EXPORTER_OTLP_HEADERS may hold them); /v1/traces is added to it",
        )),
    }
}

/// A time; none for `0` and `off`.
pub fn interval(setting: &str, text: &str) -> Result<Option<Duration>> {
    if text == "off" {
        return Ok(None);
    }
    Ok(Some(duration(setting, text)?).filter(|interval| !interval.is_zero()))
}

/// A number of milliseconds, seconds, minutes, hours or days; 0 needs no unit.
fn duration(setting: &str, text: &str) -> Result<Duration> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let found = units.into_iter().find_map(|(unit, milliseconds)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Duration::from_millis(u64::from(number) * milliseconds))
    });
    found.ok_or_else(|| {
        Error::bad_input(format!(
            "{setting} must be a whole number of ms, s, m, h or d, such as 15m, not {text:?}"
        ))
    })
}

fn not_zero(setting: &str, time: Duration) -> Result<Duration> {
    if time.is_zero() {
        return Err(Error::bad_input(format!("{setting} must be longer than 0, such as 30s")));
    }
    Ok(time)
}

impl File {
    fn read(named: Option<&Path>) -> Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(Error::bad_input(format!("config {}: {error}", path.display())));
            }
        };
        let wrong = |what: String| Error::bad_input(format!("config {}{what}", path.display()));
        let table: toml::Table = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            wrong(format!(", line {line}: {}", without_values(&error)))
        })?;
        for (name, value) in &table {
            let alone = toml::Table::from_iter([(name.clone(), value.clone())]);
            let alone: Self = alone
                .try_into()
                .map_err(|error| wrong(format!(": {name}: {}", without_values(&error))))?;
            if alone.rest.keys().any(|name| !limits::is_one(name)) {
                return Err(wrong(format!(": there is no setting {name}")));
            }
        }
        table.try_into().map_err(|error| wrong(format!(": {}", without_values(&error))))
    }
}

/// What is wrong with a file, without the line it is in and the value that is there: either may be a
/// secret.
fn without_values(error: &toml::de::Error) -> String {
    let message = error.message();
    match message.rsplit_once(", expected ") {
        Some((what, expected)) if what.starts_with("invalid ") => format!("expected {expected}"),
        _ => message.to_owned(),
    }
}
