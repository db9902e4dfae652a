//! Settings of connections.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::duration;
use crate::error::Result;
use crate::http::ConnectionLimits as Limits;

/// What may be said of connections, by flag, environment or file. Times are written 500ms, 90s, 15m, …
#[derive(Args, Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// How long a request's line and headers may take to arrive [default: 10s]
    #[arg(long, value_name = "TIME", env = "AUDITLOG_HEADER_TIMEOUT")]
    pub header_timeout: Option<String>,

    /// How long a request's body may take to arrive in all [default: 2m]
    #[arg(long, value_name = "TIME", env = "AUDITLOG_BODY_TIMEOUT")]
    pub body_timeout: Option<String>,

    /// The longest pause in a body that is sent, or in taking an answer [default: 30s]
    #[arg(long, value_name = "TIME", env = "AUDITLOG_STALL_TIMEOUT")]
    pub stall_timeout: Option<String>,

    /// How long a connection may wait for its next request [default: 75s]
    #[arg(long, value_name = "TIME", env = "AUDITLOG_IDLE_TIMEOUT")]
    pub idle_timeout: Option<String>,

    /// How many connections there may be at once [default: 800]
    #[arg(long, value_name = "NUMBER", env = "AUDITLOG_MAX_CONNECTIONS")]
    pub max_connections: Option<NonZeroU32>,

    /// How many of them may come from one IP address (of IPv6, from one /64); behind a proxy, from
    /// which all come, as many as in all [default: 400]
    #[arg(long, value_name = "NUMBER", env = "AUDITLOG_MAX_CONNECTIONS_PER_ADDRESS")]
    pub max_connections_per_address: Option<NonZeroU32>,

    /// How long to go on serving when told to stop, while /readyz answers 503 and load balancers look
    /// for another server [default: 0s]
    #[arg(long, value_name = "TIME", env = "AUDITLOG_SHUTDOWN_DELAY")]
    pub shutdown_delay: Option<String>,

    /// How long after that the requests that are under way may take [default: 35s]
    #[arg(long, value_name = "TIME", env = "AUDITLOG_SHUTDOWN_GRACE")]
    pub shutdown_grace: Option<String>,
}

impl Connections {
    /// The limits: what is said here, else in the file, else the default.
    pub fn or(self, file: Self) -> Result<Limits> {
        let default = Limits::default();
        let time = |name, given: Option<String>, file: Option<String>, default| {
            given.or(file).map_or(Ok(default), |text| duration(name, &text))
        };
        let some_time = |name, given, file, default| {
            time(name, given, file, default).and_then(|time: Duration| super::not_zero(name, time))
        };
        let Self { header_timeout, body_timeout, stall_timeout, idle_timeout, .. } = self;
        Ok(Limits {
            header_timeout: some_time(
                "header_timeout",
                header_timeout,
                file.header_timeout,
                default.header_timeout,
            )?,
            body_timeout: some_time(
                "body_timeout",
                body_timeout,
                file.body_timeout,
                default.body_timeout,
            )?,
            stall_timeout: some_time(
                "stall_timeout",
                stall_timeout,
                file.stall_timeout,
                default.stall_timeout,
            )?,
            idle_timeout: some_time(
                "idle_timeout",
                idle_timeout,
                file.idle_timeout,
                default.idle_timeout,
            )?,
            max_connections: self
                .max_connections
                .or(file.max_connections)
                .unwrap_or(default.max_connections),
            max_connections_per_address: self
                .max_connections_per_address
                .or(file.max_connections_per_address)
                .unwrap_or(default.max_connections_per_address),
            shutdown_delay: time(
                "shutdown_delay",
                self.shutdown_delay,
                file.shutdown_delay,
                default.shutdown_delay,
            )?,
            shutdown_grace: time(
                "shutdown_grace",
                self.shutdown_grace,
                file.shutdown_grace,
                default.shutdown_grace,
            )?,
        })
    }
}
