//! `auditlog schema`

use std::process::ExitCode;

use crate::error::Result;
use crate::graphql;

pub fn run() -> Result<ExitCode> {
    print!("{}", graphql::sdl());
    Ok(ExitCode::SUCCESS)
}
